import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { findCircles } from '../../tools/src/circles.js';
import { findImports, judgeImport, targetOf } from '../../tools/src/imports.js';
import { loadSpec } from '../../tools/src/load.js';
import { camelCase, pascalCase } from '../../tools/src/naming.js';
import { comment, convertNames } from '../../tools/src/prose.js';

describe('names', () => {
  test.each([
    ['lvm_canonical_lv_name', 'lvmCanonicalLvName'],
    ['ntfs_3g_probe', 'ntfs3gProbe'],
    ['mke2fs_JL', 'mke2fsJL'],
    ['get_e2uuid', 'getE2uuid'],
    ['sync', 'sync'],
  ])('%s becomes %s', (name, camel) => expect(camelCase(name)).toBe(camel));

  test('structs start with a capital', () => expect(pascalCase('lvm_pv')).toBe('LvmPv'));

  test('only known names in backticks are converted', () => {
    const text = '`lv_remove` is like lv_remove, and `other_name` is not known';
    const rename = (name: string): string | undefined => (name === 'lv_remove' ? 'lvRemove' : undefined);
    expect(convertNames(text, rename)).toBe('`lvRemove` is like lv_remove, and `other_name` is not known');
  });
});

test('comments are wrapped, and cannot be ended by their text', () => {
  const text = comment('  ', ['Ends */ here.', `${'word '.repeat(40)}end.`, '@param a one', '@since 1.0']);
  expect(text.split('\n').every((line) => line.length <= 120)).toBe(true);
  expect(text.slice(0, -4)).not.toContain('*/ here');
  expect(text).toContain('   * @param a one\n   * @since 1.0\n   */\n');
});

describe('a description with a mistake is refused, with the function`s name', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'guestfs-spec-'));
    cpSync(fileURLToPath(new URL('../../spec', import.meta.url)), folder, { recursive: true });
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const edit = (file: string, from: string | RegExp, to: string): void => {
    const path = join(folder, file);
    const text = readFileSync(path, 'utf8');
    expect(text).toMatch(from);
    writeFileSync(path, text.replace(from, to));
  };

  test.each([
    ['no summary', /summary: Creates a logical volume of.*/, '', /lvcreate: summary/],
    ['an argument without a doc', /doc: name of the new volume, without a path/, 'of: guid', /lvcreate: args\.0\.doc/],
    ['an unknown key', /name: lvcreate\n/, 'name: lvcreate\n    colour: blue\n', /lvcreate: .*colour/],
    ['a procedure number twice', /proc: 41\n/, 'proc: 1\n', /procedure 1 is also/],
    ['a reference to nothing', /see: \[ lvcreate_free/, 'see: [ lvcreate_fee', /refers to lvcreate_fee/],
  ])('%s', (_, from, to, message) => {
    edit('functions/lvm.yaml', from, to);
    expect(() => loadSpec(folder)).toThrow(message);
  });

  test('a file that the index does not name', () => {
    writeFileSync(join(folder, 'functions', 'other.yaml'), 'functions: []\n');
    expect(() => loadSpec(folder)).toThrow(/other\.yaml: not in the index/);
  });
});

describe('imports', () => {
  const core = 'packages/core/src/appliance/boot/boot.ts';

  test.each([
    [core, '@guestfs/events'],
    [core, '@guestfs/events/internal'],
    [core, '../errors.js'],
    [core, 'node:fs'],
    [core, '../../protocol/errors.js'],
    [core, '../qemu/find.js'],
    ['packages/core/src/appliance/direct-backend.ts', './warm/restore/warm-start.js'],
    ['packages/guestfs/src/guestfs.ts', '@guestfs/attach'],
    ['packages/guestfs/src/guestfs.ts', '@guestfs/core/protocol'],
    ['packages/attach/src/unix.ts', '@guestfs/core/appliance'],
  ])('%s may import %s', (file, specifier) => expect(judgeImport(file, specifier)).toBeNull());

  test.each([
    [core, '@guestfs/attach', /may not import attach/],
    [core, 'guestfs', /may not import guestfs/],
    [core, '@guestfs/core', /may not import core/],
    [core, '@guestfs/events/src/emitter.js', /reaches into/],
    ['packages/attach/src/unix.ts', '@guestfs/core/internal', /its entries are ., protocol, appliance/],
    [core, '../../../events/src/emitter.js', /leaves the package/],
    [core, '../errors', /end in \.js/],
    ['packages/core/src/protocol/errors.ts', '../appliance/host/install-hint.js', /protocol may not import appliance/],
    ['packages/core/src/protocol/wire/ping.ts', '../../appliance/warm/client.js', /protocol may not import appliance/],
    ['packages/core/src/waiting/within.ts', '../protocol/xdr/text.js', /waiting may not import protocol/],
    [core, '../warm/eligible.js', /boot may not import warm: the direction in .* config <- host <- process/],
    ['packages/core/src/appliance/qemu/find.ts', '../boot/boot.js', /qemu may not import boot/],
    ['packages/core/src/appliance/warm/template/key.ts', '../build/build.js', /template may not import build/],
  ])('%s may not import %s', (file, specifier, why) => expect(judgeImport(file, specifier)).toMatch(why));

  test('are found in every form', () => {
    const text =
      "import a from 'a';\nimport type { B } from 'b';\nexport * from 'c';\nconst d = await import('d');\nlet e: import('e').E;";
    expect(findImports(text, 'x.ts').map(({ specifier, line, typeOnly }) => [specifier, line, typeOnly])).toEqual([
      ['a', 1, false],
      ['b', 2, true],
      ['c', 3, false],
      ['d', 4, false],
      ['e', 5, true],
    ]);
  });

  /** The circles among modules of these texts. */
  const circlesOf = (files: Readonly<Record<string, string>>): string[][] =>
    findCircles(
      new Map(
        Object.entries(files).map(([file, text]) => [
          file,
          findImports(text, file).map(({ specifier }) => targetOf(file, specifier) ?? specifier),
        ]),
      ),
    );

  test.each([
    [
      'two files',
      { 'p/a.ts': "import './b.js';", 'p/b.ts': "import { a } from './a.js';" },
      [['p/a.ts', 'p/b.ts', 'p/a.ts']],
    ],
    [
      'a type import',
      { 'p/a.ts': "import type { B } from './sub/b.js';", 'p/sub/b.ts': "export type { A } from '../a.js';" },
      [['p/a.ts', 'p/sub/b.ts', 'p/a.ts']],
    ],
    ['a file and itself', { 'p/a.ts': "let a: import('./a.js').A;" }, [['p/a.ts', 'p/a.ts']]],
    [
      'three files, told by the shortest way round',
      {
        'p/a.ts': "import './b.js';",
        'p/b.ts': "import './c.js';\nexport * from './d.js';",
        'p/c.ts': "await import('./a.js');",
        'p/d.ts': "import './e.js';",
        'p/e.ts': "import './a.js';",
      },
      [
        ['p/a.ts', 'p/b.ts', 'p/c.ts', 'p/a.ts'],
        ['p/d.ts', 'p/e.ts', 'p/a.ts', 'p/b.ts', 'p/d.ts'],
      ],
    ],
  ])('a circle of %s is found', (_, files, circles) => expect(circlesOf(files)).toEqual(circles));

  test('two ways to one file are no circle', () => {
    const files = { 'p/a.ts': "import './b.js';\nimport './c.js';", 'p/b.ts': "import './c.js';", 'p/c.ts': '' };
    expect(circlesOf(files)).toEqual([]);
  });
});
