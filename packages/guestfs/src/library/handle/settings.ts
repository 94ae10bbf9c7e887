import { GuestfsError } from '@guestfs/core';
import { findQemuNow, hostCpu, parseEnvironment as readEnvironment, splitList } from '@guestfs/core/appliance';
import type { SettingName, Settings } from '@guestfs/core/appliance';
import { isDirect, openBackend } from '../../handle/backends.js';
import type { Handle } from '../../handle/handle.js';
import * as change from '../../handle/settings.js';

/** The function that tells a setting. */
const getter =
  <Name extends SettingName>(name: Name) =>
  ({ settings }: Handle): Settings[Name] =>
    settings[name];

/** The function that changes a setting within its bounds. */
const setter =
  <Name extends SettingName>(name: Name) =>
  ({ settings }: Handle, value: Settings[Name]): void =>
    change.changeSetting(settings, name, value);

/** The same, where null stands for the default. */
const resetter =
  <Name extends SettingName>(name: Name) =>
  ({ settings, defaults }: Handle, value: Settings[Name] | null): void =>
    change.changeSetting(settings, name, value ?? defaults[name]);

export const getVerbose = getter('verbose');
export const setVerbose = setter('verbose');
export const getTrace = getter('trace');
export const setTrace = setter('trace');
export const getAutosync = getter('autosync');
export const setAutosync = setter('autosync');
export const getMemsize = getter('memsize');
export const setMemsize = setter('memsize');
export const getSmp = getter('smp');
export const setSmp = setter('smp');
export const getNetwork = getter('network');
export const setNetwork = setter('network');
export const getSelinux = getter('selinux');
export const setSelinux = setter('selinux');
export const getDirect = getter('direct');
export const setDirect = setter('direct');
export const getPgroup = getter('pgroup');
export const setPgroup = setter('pgroup');
export const getRecoveryProc = getter('recoveryProc');
export const setRecoveryProc = setter('recoveryProc');
export const getProgram = getter('program');
export const setProgram = setter('program');
export const getIdentifier = getter('identifier');
export const setIdentifier = setter('identifier');
export const getTmpdir = getter('tmpdir');
export const setTmpdir = resetter('tmpdir');
export const getCachedir = getter('cachedir');
export const setCachedir = resetter('cachedir');
export const getSockdir = getter('sockdir');

export const getPath = ({ settings }: Handle): string => settings.path.join(':');
export const setPath = ({ settings, defaults }: Handle, path: string | null): void =>
  change.changeSetting(settings, 'path', path === null ? defaults.path : splitList(path));

export const getAppend = ({ settings }: Handle): string | null => settings.append ?? null;
export const setAppend = ({ settings }: Handle, append: string | null): void =>
  change.changeSetting(settings, 'append', append ?? undefined);

export const getHv = ({ settings }: Handle): string => settings.hv ?? findQemuNow(hostCpu());
export const setHv = setter('hv');
export const getQemu = getHv;
export const setQemu = ({ settings }: Handle, hv: string | null): void =>
  change.changeSetting(settings, 'hv', hv ?? undefined);

export const config = ({ settings }: Handle, name: string, value: string | null): void =>
  change.addQemuParameter(settings, name, value);

export const getBackend = ({ settings }: Handle): string => settings.backend;

export function setBackend({ settings }: Handle, name: string): void {
  openBackend(name, 'setBackend');
  change.changeSetting(settings, 'backend', isDirect(name) ? 'direct' : name);
}

/** The old name of `direct` is still told by the old function. */
export const getAttachMethod = ({ settings }: Handle): string =>
  settings.backend === 'direct' ? 'appliance' : settings.backend;
export const setAttachMethod = setBackend;

export const getBackendSettings = ({ settings }: Handle): string[] => [...settings.backendSettings];
export const setBackendSettings = ({ settings }: Handle, list: readonly string[]): void =>
  void (settings.backendSettings = [...list]);

export function getBackendSetting({ settings }: Handle, name: string): string {
  const value = change.backendSetting(settings, name);
  if (value !== undefined) return value;
  throw new GuestfsError('ESRCH', `there is no setting ${name}`, { operation: 'getBackendSetting' });
}

export function setBackendSetting({ settings }: Handle, name: string, value: string): void {
  change.clearBackendSetting(settings, name);
  settings.backendSettings = [...settings.backendSettings, `${name}=${value}`];
}

export const clearBackendSetting = ({ settings }: Handle, name: string): number =>
  change.clearBackendSetting(settings, name);

export const parseEnvironment = ({ settings }: Handle): void =>
  change.changeSettings(settings, readEnvironment(process.env));

export function parseEnvironmentList({ settings }: Handle, list: readonly string[]): void {
  const environment: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const entry of list) {
    const equals = entry.indexOf('=');
    if (equals < 1) {
      const operation = 'parseEnvironmentList';
      throw new GuestfsError('ERR_GUESTFS_ARGUMENT', `${entry} is not of the form NAME=value`, { operation });
    }
    environment[entry.slice(0, equals)] = entry.slice(equals + 1);
  }
  change.changeSettings(settings, readEnvironment(environment));
}
