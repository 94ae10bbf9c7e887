import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Script } from 'node:vm';
import { describe, expect, test } from '@jest/globals';
import { procedures, structs } from '@guestfs/core/protocol';
import { Guestfs } from 'guestfs';
import { loadSpec } from '../../tools/src/load.js';
import { argumentName, camelCase } from '../../tools/src/naming.js';
import type { FunctionSpec } from '../../tools/src/schema.js';

/** How many functions users have: those that the daemon answers, and those of the library. */
const DAEMON_FUNCTIONS = 484;
const LIBRARY_FUNCTIONS = 116;
const STRUCTS = 27;

const root = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const spec = loadSpec(root('spec'));
const users = spec.topics.flatMap((topic) => topic.functions);
const prototype = Guestfs.prototype as unknown as Record<string, unknown>;

describe('the description of the API', () => {
  test('has every function of the daemon and of the library', () => {
    expect(users.filter((each) => each.proc !== null)).toHaveLength(DAEMON_FUNCTIONS);
    expect(users.filter((each) => each.proc === null)).toHaveLength(LIBRARY_FUNCTIONS);
    expect(spec.structs).toHaveLength(STRUCTS);
  });

  test('the facade has a method for each, by the naming rule', () => {
    const missing = users.filter((each) => typeof prototype[camelCase(each.name)] !== 'function');
    expect(missing.map((each) => each.name)).toEqual([]);
  });

  test('there is a wire descriptor for each function of the daemon', () => {
    const described = [...spec.functions.values()].filter((each) => each.proc !== null);
    const numbers = Object.fromEntries(Object.entries(procedures).map(([name, { proc }]) => [name, proc]));
    expect(numbers).toEqual(Object.fromEntries(described.map((each) => [camelCase(each.name), each.proc])));
  });

  test('no function that only the SDK calls is a method', () => {
    expect(spec.internal.filter((each) => camelCase(each.name) in prototype).map((each) => each.name)).toEqual([]);
  });

  test('the name of no argument is a word that a signature cannot have', () => {
    const names = users.flatMap((each) => (each.args ?? []).map((argument) => argumentName(argument.name)));
    for (const name of names) expect(() => new Script(`'use strict'; (${name}, options) => 0`)).not.toThrow();
    expect(names).not.toContain('options');
  });
});

/** The functions of the C library that the generator of upstream does not know, as its manual has them. */
const AROUND = [
  ...['create', 'create_flags', 'close', 'last_error', 'last_errno'],
  ...['set_error_handler', 'get_error_handler', 'push_error_handler', 'pop_error_handler'],
  ...['set_out_of_memory_handler', 'get_out_of_memory_handler'],
  ...['set_event_callback', 'delete_event_callback', 'event_to_string'],
  ...['set_private', 'get_private', 'first_private', 'next_private'],
  ...['set_log_message_callback', 'set_subprocess_quit_callback', 'set_launch_done_callback', 'set_close_callback'],
  'set_progress_callback',
];

const manual = readFileSync(root('docs/unsupported.md'), 'utf8');

test.each(AROUND)('guestfs_%s is listed with what there is for it', (name) => {
  expect(manual).toContain(`\`guestfs_${name}\``);
});

test('functions with `_opts` in their names are listed, and are the ones without', () => {
  const renamed = users.filter((each) => each.flags?.includes('once_had_no_optargs') === true);
  expect(renamed.length).toBeGreaterThan(0);
  for (const { name } of renamed) expect(manual).toContain(`\`guestfs_${name}_opts\``);
});

interface Fact {
  name: string;
  proc: number | null;
  since: string;
  visibility: string;
  group?: string;
  deprecatedBy?: string;
  flags?: string[];
  returns: Record<string, string>;
  args: { name: string; kind: string; of?: string }[];
  optargs: { name: string; kind: string }[];
}

const FACTS = root('../shared/facts/procedures.json');
const STRUCT_FACTS = root('../shared/facts/structs.json');

(existsSync(FACTS) ? describe : describe.skip)('the description against the facts', () => {
  const facts = existsSync(FACTS) ? (JSON.parse(readFileSync(FACTS, 'utf8')) as Fact[]) : [];
  // What upstream's manual describes.
  const publicFacts = facts.filter((fact) => fact.visibility === 'public' || fact.visibility === 'state_test');

  test('describes exactly the documented functions', () => {
    expect(users.map((each) => each.name).sort()).toEqual(publicFacts.map((fact) => fact.name).sort());
  });

  test('all others are listed with what to do instead', () => {
    const others = facts.filter((fact) => !publicFacts.includes(fact));
    const listed = others.filter(({ name }) => manual.includes(`guestfs_${name}\``) || name.startsWith('internal_'));
    expect(others.map((fact) => fact.name)).toEqual(listed.map((fact) => fact.name));
    const count = (visibility: string): number => facts.filter((fact) => fact.visibility === visibility).length;
    expect(['public', 'state_test', 'debug', 'internal'].map(count)).toEqual([595, 5, 4, 17]);
  });

  test('agrees on every number, argument, option, type, version, group, flag and replacement', () => {
    for (const fact of facts) {
      const each = spec.functions.get(fact.name);
      if (each !== undefined) expect(factsOf(each)).toEqual(expected(fact, publicFacts));
    }
  });

  test('agrees on every struct', () => {
    const known = JSON.parse(readFileSync(STRUCT_FACTS, 'utf8')) as { name: string; fields: object[] }[];
    expect(
      spec.structs.map(({ name, fields }) => ({ name, fields: fields.map(({ name, type }) => ({ name, type })) })),
    ).toEqual(known.map(({ name, fields }) => ({ name, fields })));
    expect(Object.values(structs).map((struct) => struct.fields.length)).toEqual(
      known.map(({ fields }) => fields.length),
    );
  });
});

/** A description reduced to what the facts tell. */
function factsOf(each: FunctionSpec): object {
  const { name, proc, since, group, flags, deprecated, args = [], options = [], returns } = each;
  const { type = 'void', of, key, value, struct } = returns ?? {};
  return {
    name,
    proc,
    since,
    group,
    flags: [...(flags ?? [])].sort(),
    deprecated: typeof deprecated === 'object' ? deprecated.by : deprecated,
    args: args.map((argument) => [argument.name, argument.type, argument.of, argument.secret]),
    options: options.map((option) => [option.name, option.type]),
    returns: { type, of, key, value, struct },
  };
}

/** The same of a fact; `filein` and `fileout` are types here, and keys secrets. */
function expected(fact: Fact, publicFacts: readonly Fact[]): object {
  const { name, proc, since, group, flags, deprecatedBy, returns } = fact;
  const isPublic = publicFacts.some((other) => other.name === deprecatedBy);
  const plain = (word: string | undefined): string | undefined => (word === 'string' ? undefined : word);
  return {
    name,
    proc,
    since,
    group,
    flags: [...(flags ?? [])].sort(),
    // What is replaced by something that is not public, or by nothing, is just deprecated.
    deprecated: deprecatedBy === undefined ? undefined : isPublic ? deprecatedBy : true,
    args: fact.args.map(({ name: argument, kind, of }) => {
      if (of === 'filein' || of === 'fileout') return [argument, of, undefined, undefined];
      const secret = of === 'key' || (name === 'set_libvirt_requested_credential' && argument === 'cred');
      return [argument, kind, plain(of), secret ? true : undefined];
    }),
    options: fact.optargs.map((option) => [option.name, option.kind]),
    returns: {
      type: { conststring: 'string', constoptstring: 'optstring' }[returns['kind'] ?? ''] ?? returns['kind'],
      of: plain(returns['of']),
      key: plain(returns['key']),
      value: plain(returns['value']),
      struct: returns['struct'],
    },
  };
}
