import { GuestfsError } from '@guestfs/core';
import type { DriveConfig, LaunchConfig } from '@guestfs/core';
import { absolutePath, settingProblem } from '@guestfs/core/appliance';
import type { SettingName, Settings } from '@guestfs/core/appliance';

/** Parameters of qemu that would break the appliance. */
const FORBIDDEN = ['-kernel', '-initrd', '-nographic', '-display', '-serial', '-full-screen', '-std-vga', '-vnc'];

/** Changes a setting; throws ERR_GUESTFS_ARGUMENT for a value that is out of its bounds. */
export function changeSetting<Name extends SettingName>(
  settings: Settings,
  name: Name,
  value: Settings[Name],
  operation?: string,
): void {
  const problem = settingProblem(name, value);
  if (problem !== null) throw refused(`\`${name}\` ${problem}, not ${JSON.stringify(value)}`, operation);
  settings[name] = anchored(name, value);
}

/** Takes over settings whose values were checked, such as the environment's. */
export function changeSettings(settings: Settings, values: Partial<Settings>): void {
  for (const name of Object.keys(values) as SettingName[]) take(settings, name, values[name]);
}

function take<Name extends SettingName>(settings: Settings, name: Name, value: Settings[Name] | undefined): void {
  if (value !== undefined) settings[name] = anchored(name, value);
}

/** Names of host files are meant from the folder that the program is in when it gives them, not when it launches. */
function anchored<Name extends SettingName>(name: Name, value: Settings[Name]): Settings[Name] {
  const change = ANCHORS[name];
  return change === undefined || value === undefined ? value : change(value);
}

const ANCHORS: {
  readonly [Name in SettingName]?: (value: NonNullable<Settings[Name]>) => NonNullable<Settings[Name]>;
} = {
  tmpdir: absolutePath,
  cachedir: absolutePath,
  sockdir: absolutePath,
  path: (folders) => folders.map((folder) => absolutePath(folder === '' ? '.' : folder)),
  // A name without a slash is looked for on the PATH.
  hv: (program) => (program.includes('/') ? absolutePath(program) : program),
  backend: (name) =>
    name.replace(/^(unix:|replay:)(.+)$/s, (_, kind: string, file: string) => kind + absolutePath(file)),
};

export function addQemuParameter(settings: Settings, name: string, value: string | null): void {
  if (!name.startsWith('-')) throw refused(`a qemu parameter starts with a dash: ${name}`);
  // qemu takes two dashes for one.
  if (FORBIDDEN.includes(name.replace(/^--/, '-'))) throw refused(`${name} would break the appliance`);
  settings.qemuParameters = [...settings.qemuParameters, [name, value]];
}

/** The value of a backend setting, `1` for one without a value; undefined where it is not there. */
export function backendSetting({ backendSettings }: Settings, name: string): string | undefined {
  const found = backendSettings.find((setting) => nameOf(setting) === name);
  return found === undefined ? undefined : found === name ? '1' : found.slice(name.length + 1);
}

/** Removes the backend settings of a name; returns how many there were. */
export function clearBackendSetting(settings: Settings, name: string): number {
  const before = settings.backendSettings;
  settings.backendSettings = before.filter((setting) => nameOf(setting) !== name);
  return before.length - settings.backendSettings.length;
}

/** The settings and drives as a launch takes them; later changes do not reach it. */
export function launchConfig(settings: Settings, drives: readonly DriveConfig[]): LaunchConfig {
  const { launchTimeout, ...rest } = structuredClone(settings);
  return { ...rest, timeout: launchTimeout, drives: [...drives] };
}

function nameOf(setting: string): string {
  const equals = setting.indexOf('=');
  return equals === -1 ? setting : setting.slice(0, equals);
}

function refused(message: string, operation?: string): GuestfsError {
  return new GuestfsError('ERR_GUESTFS_ARGUMENT', message, { operation });
}
