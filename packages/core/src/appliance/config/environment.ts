import { resolve } from 'node:path';
import { GuestfsError } from '../../protocol/errors.js';
import { describeBounds, initialSettings, SETTING_NAMES, settingProblem, SETTINGS } from './settings.js';
import type { SettingName, SettingRule, Settings, SettingType } from './settings.js';

const TRUE_WORDS = ['1', 'true', 't', 'yes', 'y', 'on'];
const FALSE_WORDS = ['0', 'false', 'f', 'no', 'n', 'off'];

/** The boolean that a word of the environment or of a backend setting means, null where it means none; case is ignored. */
export function parseBoolean(word: string): boolean | null {
  const lower = word.toLowerCase();
  if (TRUE_WORDS.includes(lower)) return true;
  return FALSE_WORDS.includes(lower) ? false : null;
}

/** A list or search path as a variable has it; empty for no element at all. */
export function splitList(text: string): string[] {
  return text === '' ? [] : text.split(':');
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** What a variable's text says, or what is wrong with it. */
type Parsed = { readonly value: unknown } | { readonly problem: string };

const BACKENDS = /^(direct|appliance|libvirt|libvirt:.+|unix:.+|replay:.+)$/s;

/** How each type of setting is written in a variable. */
const PARSERS: Readonly<Record<SettingType, (text: string, name: SettingName) => Parsed>> = {
  bool(text) {
    const value = parseBoolean(text);
    return value === null ? { problem: `must be one of ${[...TRUE_WORDS, ...FALSE_WORDS].join(', ')}` } : { value };
  },
  int(text, name) {
    const problem = `must be a whole number, ${describeBounds(name)}`;
    return /^\s*[0-9]{1,9}\s*$/.test(text) ? { value: Number(text) } : { problem };
  },
  milliseconds(text) {
    return /^[0-9]{1,15}$/.test(text) ? { value: Number(text) } : { problem: 'must be a number of milliseconds' };
  },
  string: (value) => ({ value }),
  directory: (text) => ({ value: resolve(text) }),
  'search-path': (text) => ({ value: splitList(text) }),
  stringlist: (text) => ({ value: splitList(text) }),
  backend(text) {
    if (!BACKENDS.test(text)) return { problem: 'must be direct, libvirt, libvirt:URI, unix:PATH or replay:FILE' };
    // Its old name.
    return { value: text === 'appliance' ? 'direct' : text };
  },
  internal: () => ({ problem: 'cannot be set by a variable' }),
};

/**
 * Reads the variables of the table of settings: LIBGUESTFS_*, GUESTFS_WARM, TMPDIR and XDG_RUNTIME_DIR.
 *
 * A setting that no variable sets is left out. An empty variable counts as unset, but for LIBGUESTFS_APPEND and
 * LIBGUESTFS_BACKEND_SETTINGS. A wrong value throws `ERR_GUESTFS_ENVIRONMENT` with the variable's name and what it may
 * be. Sockets of root go to the temporary directory and not below XDG_RUNTIME_DIR, which may be another user's.
 */
export function parseEnvironment(env: Environment, uid = process.geteuid?.()): Partial<Settings> {
  const found: Record<string, unknown> = {};
  for (const name of SETTING_NAMES) {
    const { variables = [], mayBeEmpty }: SettingRule = SETTINGS[name];
    if (name === 'sockdir' && uid === 0) continue;
    const variable = variables.find((each) => env[each] !== undefined && (mayBeEmpty || env[each] !== ''));
    if (variable !== undefined) found[name] = parse(name, variable, env[variable] ?? '');
  }
  return found;
}

/** What a new handle starts with: the environment's settings over the built-in ones. */
export function environmentDefaults(env: Environment, uid = process.geteuid?.()): Settings {
  return { ...initialSettings(), ...parseEnvironment(env, uid) };
}

function parse(name: SettingName, variable: string, text: string): unknown {
  const parsed = PARSERS[SETTINGS[name].type](text, name);
  const problem = 'problem' in parsed ? parsed.problem : settingProblem(name, parsed.value as Settings[SettingName]);
  if (problem === null && 'value' in parsed) return parsed.value;
  throw new GuestfsError('ERR_GUESTFS_ENVIRONMENT', `the environment variable ${variable}=${text} ${problem}`, {
    hint: `set ${variable} to an allowed value, or unset it: unset ${variable}`,
  });
}
