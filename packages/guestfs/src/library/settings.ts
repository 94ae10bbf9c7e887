import { GuestfsError } from '@guestfs/core';
import { hostCpu } from '@guestfs/core/internal';
import { isDirect, openBackend } from '../handle/backends.js';
import type { Handle } from '../handle/handle.js';

export const getVerbose = ({ settings }: Handle): boolean => settings.verbose;
export const setVerbose = ({ settings }: Handle, verbose: boolean): void => void (settings.verbose = verbose);

export const getTrace = ({ settings }: Handle): boolean => settings.trace;
export const setTrace = ({ settings }: Handle, trace: boolean): void => void (settings.trace = trace);

export const getAutosync = ({ settings }: Handle): boolean => settings.autosync;
export const setAutosync = ({ settings }: Handle, autosync: boolean): void => void (settings.autosync = autosync);

export const getPath = ({ settings }: Handle): string => settings.path.join(':');
export const setPath = ({ settings }: Handle, path: string | null): void => settings.setPath(path);

export const getAppend = ({ settings }: Handle): string | null => settings.append;
export const setAppend = ({ settings }: Handle, append: string | null): void => void (settings.append = append);

export const getHv = ({ settings }: Handle): string => settings.hv ?? `qemu-system-${hostCpu()}`;
export const setHv = ({ settings }: Handle, hv: string): void => void (settings.hv = hv);
export const getQemu = getHv;
export const setQemu = ({ settings }: Handle, hv: string | null): void => void (settings.hv = hv);

export const getMemsize = ({ settings }: Handle): number => settings.memsize;
export const setMemsize = ({ settings }: Handle, megabytes: number): void => settings.setMemsize(megabytes);

export const getSmp = ({ settings }: Handle): number => settings.smp;
export const setSmp = ({ settings }: Handle, count: number): void => settings.setSmp(count);

export const getNetwork = ({ settings }: Handle): boolean => settings.network;
export const setNetwork = ({ settings }: Handle, network: boolean): void => void (settings.network = network);

export const getSelinux = ({ settings }: Handle): boolean => settings.selinux;
export const setSelinux = ({ settings }: Handle, selinux: boolean): void => void (settings.selinux = selinux);

export const getDirect = ({ settings }: Handle): boolean => settings.direct;
export const setDirect = ({ settings }: Handle, direct: boolean): void => void (settings.direct = direct);

export const getPgroup = ({ settings }: Handle): boolean => settings.pgroup;
export const setPgroup = ({ settings }: Handle, pgroup: boolean): void => void (settings.pgroup = pgroup);

export const getRecoveryProc = ({ settings }: Handle): boolean => settings.recoveryProc;
export const setRecoveryProc = ({ settings }: Handle, on: boolean): void => void (settings.recoveryProc = on);

export const getProgram = ({ settings }: Handle): string => settings.program;
export const setProgram = ({ settings }: Handle, program: string): void => void (settings.program = program);

export const getIdentifier = ({ settings }: Handle): string => settings.identifier;
export const setIdentifier = ({ settings }: Handle, name: string): void => settings.setIdentifier(name);

export const getTmpdir = ({ settings }: Handle): string => settings.tmpdir;
export const setTmpdir = ({ settings }: Handle, folder: string | null): void => settings.setTmpdir(folder);

export const getCachedir = ({ settings }: Handle): string => settings.cachedir;
export const setCachedir = ({ settings }: Handle, folder: string | null): void => settings.setCachedir(folder);

export const getSockdir = ({ settings }: Handle): string => settings.sockdir;

export const config = ({ settings }: Handle, name: string, value: string | null): void =>
  settings.addQemuParameter(name, value);

export const getBackend = ({ settings }: Handle): string => settings.backend;

export function setBackend({ settings }: Handle, name: string): void {
  openBackend(name, 'setBackend');
  settings.backend = isDirect(name) ? 'direct' : name;
}

/** The old name of `direct` is still told by the old function. */
export const getAttachMethod = ({ settings }: Handle): string =>
  settings.backend === 'direct' ? 'appliance' : settings.backend;
export const setAttachMethod = setBackend;

export const getBackendSettings = ({ settings }: Handle): string[] => [...settings.backendSettings];
export const setBackendSettings = ({ settings }: Handle, list: readonly string[]): void =>
  void (settings.backendSettings = [...list]);

export function getBackendSetting({ settings }: Handle, name: string): string {
  const value = settings.backendSetting(name);
  if (value !== undefined) return value;
  throw new GuestfsError('ESRCH', `there is no setting ${name}`, { operation: 'getBackendSetting' });
}

export function setBackendSetting({ settings }: Handle, name: string, value: string): void {
  settings.clearBackendSetting(name);
  settings.backendSettings = [...settings.backendSettings, `${name}=${value}`];
}

export const clearBackendSetting = ({ settings }: Handle, name: string): number => settings.clearBackendSetting(name);

export const parseEnvironment = ({ settings }: Handle): void => settings.applyEnvironment(process.env);

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
  settings.applyEnvironment(environment);
}
