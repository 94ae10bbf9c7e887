import type { DiagnosisSubject } from '@guestfs/attach';
import { GuestfsError } from '@guestfs/core';
import type { DriveConfig, LaunchConfig } from '@guestfs/core';
import { environmentDefaults, parseEnvironment } from '@guestfs/core/internal';
import type { EnvironmentSettings } from '@guestfs/core/internal';

/** Variables of an environment, as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

const MEMSIZE_MIN = 256;
const SMP_MAX = 255;

/** Parameters of qemu that would break the appliance. */
const FORBIDDEN = ['-kernel', '-initrd', '-nographic', '-display', '-serial', '-full-screen', '-std-vga', '-vnc'];

/** The settings of a handle: the environment's at first, then what the setters make of them. */
export class Settings {
  verbose = false;
  trace = false;
  autosync = true;
  backend = 'direct';
  backendSettings: string[] = [];
  hv: string | null = null;
  append: string | null = null;
  path: string[] = [];
  smp = 1;
  network = false;
  selinux = false;
  direct = false;
  pgroup = false;
  recoveryProc = true;
  program: string;
  qemuParameters: [name: string, value: string | null][] = [];
  sockdir = '/tmp';
  /** Milliseconds until a launch that shows no life is given up. */
  launchTimeout = 600_000;
  /** Whether a warm template may be used. */
  warm = true;
  #memsize = 1280;
  #identifier = '';
  #tmpdir = '/tmp';
  #cachedir = '/var/tmp';
  readonly #defaults: EnvironmentSettings & { path: string[]; tmpdir: string; cachedir: string };

  constructor(environment: Environment) {
    this.program = process.argv[1]?.split('/').at(-1) ?? 'node';
    this.#defaults = environmentDefaults(environment);
    this.#apply(this.#defaults);
  }

  get memsize(): number {
    return this.#memsize;
  }

  setMemsize(megabytes: number): void {
    if (megabytes < MEMSIZE_MIN) {
      throw refused('setMemsize', `the memory must be at least ${MEMSIZE_MIN} MB, not ${megabytes}`);
    }
    this.#memsize = megabytes;
  }

  get identifier(): string {
    return this.#identifier;
  }

  setIdentifier(name: string): void {
    if (!/^[A-Za-z0-9_-]*$/.test(name)) {
      throw refused('setIdentifier', 'it may hold ASCII letters, digits, `_` and `-` only');
    }
    this.#identifier = name;
  }

  get tmpdir(): string {
    return this.#tmpdir;
  }

  get cachedir(): string {
    return this.#cachedir;
  }

  setSmp(count: number): void {
    if (count < 1 || count > SMP_MAX)
      throw refused('setSmp', `the number of CPUs must be from 1 to ${SMP_MAX}, not ${count}`);
    this.smp = count;
  }

  /** Null means the default. */
  setPath(folders: string | null): void {
    this.path = folders === null ? this.#defaults.path : folders.split(':');
  }

  /** Null means the default. */
  setTmpdir(folder: string | null): void {
    this.#tmpdir = folder ?? this.#defaults.tmpdir;
  }

  /** Null means the default. */
  setCachedir(folder: string | null): void {
    this.#cachedir = folder ?? this.#defaults.cachedir;
  }

  addQemuParameter(name: string, value: string | null): void {
    if (!name.startsWith('-')) throw refused('config', `a qemu parameter starts with a dash: ${name}`);
    // qemu takes two dashes for one.
    if (FORBIDDEN.includes(name.replace(/^--/, '-'))) throw refused('config', `${name} would break the appliance`);
    this.qemuParameters.push([name, value]);
  }

  /** The value of a backend setting, `1` for one without a value; undefined where it is not there. */
  backendSetting(name: string): string | undefined {
    const found = this.backendSettings.find((setting) => nameOf(setting) === name);
    return found === undefined ? undefined : found === name ? '1' : found.slice(name.length + 1);
  }

  /** Removes the settings of a name; returns how many there were. */
  clearBackendSetting(name: string): number {
    const before = this.backendSettings.length;
    this.backendSettings = this.backendSettings.filter((setting) => nameOf(setting) !== name);
    return before - this.backendSettings.length;
  }

  /** Takes over what an environment sets, and leaves the rest alone. */
  applyEnvironment(environment: Environment): void {
    this.#apply(parseEnvironment(environment));
  }

  /** What a diagnosis of a launch with these settings is about. */
  diagnosisSubject(): DiagnosisSubject {
    const { hv, path, sockdir, backend, backendSettings, tmpdir, cachedir } = this;
    return { hv: hv ?? undefined, path, tmpdir, cachedir, sockdir, backend, backendSettings };
  }

  toLaunchConfig(drives: readonly DriveConfig[]): LaunchConfig {
    return {
      drives: [...drives],
      ...(this.hv === null ? {} : { hv: this.hv }),
      ...(this.append === null ? {} : { append: this.append }),
      path: [...this.path],
      memsize: this.#memsize,
      smp: this.smp,
      network: this.network,
      selinux: this.selinux,
      verbose: this.verbose,
      program: this.program,
      identifier: this.#identifier,
      qemuParameters: [...this.qemuParameters],
      backendSettings: [...this.backendSettings],
      tmpdir: this.#tmpdir,
      cachedir: this.#cachedir,
      sockdir: this.sockdir,
      pgroup: this.pgroup,
      timeout: this.launchTimeout,
      warm: this.warm,
    };
  }

  #apply(found: EnvironmentSettings): void {
    this.trace = found.trace ?? this.trace;
    this.verbose = found.verbose ?? this.verbose;
    this.path = found.path ?? this.path;
    this.hv = found.hv ?? this.hv;
    this.append = found.append ?? this.append;
    this.#memsize = found.memsize ?? this.#memsize;
    this.backend = found.backend ?? this.backend;
    this.backendSettings = found.backendSettings ?? this.backendSettings;
    this.#tmpdir = found.tmpdir ?? this.#tmpdir;
    this.#cachedir = found.cachedir ?? this.#cachedir;
    this.sockdir = found.sockdir ?? this.sockdir;
    this.warm = found.warm ?? this.warm;
  }
}

function nameOf(setting: string): string {
  const equals = setting.indexOf('=');
  return equals === -1 ? setting : setting.slice(0, equals);
}

function refused(operation: string, message: string): GuestfsError {
  return new GuestfsError('ERR_GUESTFS_ARGUMENT', message, { operation });
}
