import { expect, test } from '@jest/globals';
import { splitVersion } from '../../src/library/applications/application.js';
import { parseApkInstalled, parseDpkgStatus, parsePacmanDesc } from '../../src/library/applications/packages.js';

test.each([
  ['1:2.3-4', 1, '2.3', '4'],
  ['2.3', 0, '2.3', ''],
  ['2.3-4-5', 0, '2.3', '4-5'],
])('the version %s is split', (text, app2Epoch, app2Version, app2Release) =>
  expect(splitVersion(text)).toEqual({ app2Epoch, app2Version, app2Release }),
);

test('an epoch that is no number spoils a version', () => expect(splitVersion('a:1')).toBeNull());

test('dpkg`s status is read, without what is not installed', () => {
  const list = parseDpkgStatus(
    [
      'Package: bash',
      'Status: install ok installed',
      'Architecture: amd64',
      'Source: bash-src (1.0)',
      'Version: 1:5.2-2+b1',
      'Homepage: http://example.com',
      'Description: a shell',
      ' first line',
      ' .',
      '',
      'Package: gone',
      'Status: deinstall ok config-files',
      'Version: 1',
      '',
      'Status: install ok installed',
      'Version: 1',
      '',
    ].join('\n'),
  );
  expect(list).toHaveLength(1);
  expect(list[0]).toMatchObject({
    app2Name: 'bash',
    app2Epoch: 1,
    app2Version: '5.2',
    app2Release: '2+b1',
    app2Arch: 'amd64',
    app2SourcePackage: 'bash-src',
    app2Summary: 'a shell',
    app2Description: 'first line\n.',
    app2Publisher: '',
  });
});

test('apk`s database is read', () => {
  const [first, ...rest] = parseApkInstalled(
    'P:musl\nV:1.2.4-r2\nA:x86_64\nT:the C library\nU:https://x\nF:lib\n\nV:1\n\n',
  );
  expect(rest).toEqual([]);
  expect(first).toMatchObject({
    app2Name: 'musl',
    app2Version: '1.2.4',
    app2Release: '2',
    app2Description: 'the C library',
  });
});

test('pacman`s files are read, and those that are not whole are left out', () => {
  const text = '%NAME%\nzlib\n\n%VERSION%\n1:1.3-1\n\n%DESC%\ncompression\n\n%ARCH%\nx86_64\n\n';
  expect(parsePacmanDesc(text)).toMatchObject({ app2Name: 'zlib', app2Epoch: 1, app2Version: '1.3', app2Release: '1' });
  expect(parsePacmanDesc(text.replace('-1', ''))).toBeNull();
  expect(parsePacmanDesc('')).toBeNull();
});
