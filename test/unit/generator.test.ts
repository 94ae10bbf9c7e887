import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { findImports, judgeImport } from '../../tools/src/imports.js';
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
    ['packages/guestfs/src/guestfs.ts', '@guestfs/attach'],
  ])('%s may import %s', (file, specifier) => expect(judgeImport(file, specifier)).toBeNull());

  test.each([
    [core, '@guestfs/attach', /may not import attach/],
    [core, 'guestfs', /may not import guestfs/],
    [core, '@guestfs/core', /may not import core/],
    [core, '@guestfs/events/src/emitter.js', /reaches into/],
    [core, '../../../events/src/emitter.js', /leaves the package/],
    [core, '../errors', /end in \.js/],
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
});
