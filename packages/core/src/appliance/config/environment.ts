import { resolve } from 'node:path';
import { z } from 'zod';
import { GuestfsError } from '../../protocol/errors.js';
import { defaultAppliancePath } from './default-path.js';

/** The least memory an appliance gets, in MB. */
export const MINIMUM_MEMSIZE = 256;
/** The memory of an appliance for which none is set, in MB. */
export const DEFAULT_MEMSIZE = 1280;

const TRUE_WORDS = ['1', 'true', 't', 'yes', 'y', 'on'];
const FALSE_WORDS = ['0', 'false', 'f', 'no', 'n', 'off'];

/** The boolean that a word of the environment or of a backend setting means, null where it means none; case is ignored. */
export function parseBoolean(word: string): boolean | null {
  const lower = word.toLowerCase();
  if (TRUE_WORDS.includes(lower)) return true;
  return FALSE_WORDS.includes(lower) ? false : null;
}

const flag = z.string().transform((word, context) => {
  const value = parseBoolean(word);
  if (value !== null) return value;
  context.addIssue({ code: 'custom', message: `must be one of ${[...TRUE_WORDS, ...FALSE_WORDS].join(', ')}` });
  return z.NEVER;
});
const folder = z.string().transform((name) => resolve(name));
const list = z.string().transform((text) => text.split(':'));
const memsize = z
  .string()
  .regex(/^\s*[0-9]{1,9}\s*$/, `must be a whole number of megabytes, ${MINIMUM_MEMSIZE} or more`)
  .transform(Number)
  .refine((size) => size >= MINIMUM_MEMSIZE, `must be at least ${MINIMUM_MEMSIZE} (megabytes)`);
const backend = z
  .string()
  .regex(
    /^(direct|appliance|libvirt|libvirt:.+|unix:.+|replay:.+)$/s,
    'must be direct, libvirt, libvirt:URI, unix:PATH or replay:FILE',
  )
  // Its old name.
  .transform((name) => (name === 'appliance' ? 'direct' : name));

/** What the environment sets; a setting that is not there is left alone. */
export interface EnvironmentSettings {
  trace?: boolean;
  verbose?: boolean;
  /** Folders searched for an appliance; an empty one means the current folder. */
  path?: string[];
  hv?: string;
  append?: string;
  /** In MB. */
  memsize?: number;
  backend?: string;
  backendSettings?: string[];
  /** GUESTFS_WARM: whether launches may start from templates. */
  warm?: boolean;
  /** LIBGUESTFS_TMPDIR, else TMPDIR. */
  tmpdir?: string;
  /** LIBGUESTFS_CACHEDIR, else TMPDIR. */
  cachedir?: string;
  sockdir?: string;
}

/** The settings of a handle nobody has configured yet. */
export interface EnvironmentDefaults extends EnvironmentSettings {
  trace: boolean;
  verbose: boolean;
  path: string[];
  memsize: number;
  backend: string;
  backendSettings: string[];
  tmpdir: string;
  cachedir: string;
  sockdir: string;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads the LIBGUESTFS_* variables, GUESTFS_WARM, TMPDIR and XDG_RUNTIME_DIR.
 *
 * An empty variable counts as unset, but for LIBGUESTFS_APPEND and LIBGUESTFS_BACKEND_SETTINGS. A wrong value throws
 * `ERR_GUESTFS_ENVIRONMENT` with the variable's name and what it may be. Sockets of root go to the temporary folder and
 * not below XDG_RUNTIME_DIR, which may be another user's.
 */
export function parseEnvironment(env: Environment, uid = process.geteuid?.()): EnvironmentSettings {
  const settings: EnvironmentSettings = {};
  const tmpdir = read(env, ['TMPDIR'], folder);
  const runtimeDir = uid === 0 ? undefined : read(env, ['XDG_RUNTIME_DIR'], folder);
  assign(settings, 'trace', read(env, ['LIBGUESTFS_TRACE'], flag));
  assign(settings, 'verbose', read(env, ['LIBGUESTFS_DEBUG'], flag));
  assign(settings, 'path', read(env, ['LIBGUESTFS_PATH'], list));
  assign(settings, 'hv', read(env, ['LIBGUESTFS_HV', 'LIBGUESTFS_QEMU'], z.string()));
  assign(settings, 'append', env['LIBGUESTFS_APPEND']);
  assign(settings, 'memsize', read(env, ['LIBGUESTFS_MEMSIZE'], memsize));
  assign(settings, 'backend', read(env, ['LIBGUESTFS_BACKEND', 'LIBGUESTFS_ATTACH_METHOD'], backend));
  const backendSettings = env['LIBGUESTFS_BACKEND_SETTINGS'];
  assign(settings, 'backendSettings', backendSettings === undefined ? undefined : splitSettings(backendSettings));
  assign(settings, 'warm', read(env, ['GUESTFS_WARM'], flag));
  assign(settings, 'tmpdir', read(env, ['LIBGUESTFS_TMPDIR'], folder) ?? tmpdir);
  assign(settings, 'cachedir', read(env, ['LIBGUESTFS_CACHEDIR'], folder) ?? tmpdir);
  assign(settings, 'sockdir', runtimeDir);
  return settings;
}

/** What a new handle starts with: the environment's settings over the built-in ones. */
export function environmentDefaults(env: Environment, uid = process.geteuid?.()): EnvironmentDefaults {
  return {
    trace: false,
    verbose: false,
    path: defaultAppliancePath(process.arch),
    memsize: DEFAULT_MEMSIZE,
    backend: 'direct',
    backendSettings: [],
    tmpdir: '/tmp',
    cachedir: '/var/tmp',
    sockdir: '/tmp',
    ...parseEnvironment(env, uid),
  };
}

function splitSettings(text: string): string[] {
  return text === '' ? [] : text.split(':');
}

function read<T>(env: Environment, names: readonly string[], schema: z.ZodType<T, string>): T | undefined {
  for (const name of names) {
    const text = env[name];
    if (text === undefined || text === '') continue;
    const parsed = schema.safeParse(text);
    if (parsed.success) return parsed.data;
    const reason = parsed.error.issues[0]?.message ?? 'is not valid';
    throw new GuestfsError('ERR_GUESTFS_ENVIRONMENT', `the environment variable ${name}=${text} ${reason}`, {
      hint: `set ${name} to an allowed value, or unset it: unset ${name}`,
      cause: parsed.error,
    });
  }
  return undefined;
}

function assign<K extends keyof EnvironmentSettings>(
  settings: EnvironmentSettings,
  key: K,
  value: EnvironmentSettings[K] | undefined,
) {
  if (value !== undefined) settings[key] = value;
}
