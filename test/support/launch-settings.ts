import { environmentDefaults } from '@guestfs/core/appliance';
import type { LaunchConfig, LaunchContext, LaunchPhase } from '@guestfs/core';

/** The settings of a handle that nobody configured, for tests that use a backend without a handle. */
export function launchConfig(changes: Partial<LaunchConfig> = {}): LaunchConfig {
  const { hv, path, append, memsize, verbose, backendSettings, tmpdir, cachedir, sockdir } = environmentDefaults(
    process.env,
  );
  return {
    drives: [],
    path,
    memsize,
    smp: 1,
    network: false,
    selinux: false,
    verbose,
    program: 'test',
    identifier: '',
    qemuParameters: [],
    backendSettings,
    tmpdir,
    cachedir,
    sockdir,
    pgroup: false,
    timeout: 600_000,
    warm: false,
    ...(hv === undefined ? {} : { hv }),
    ...(append === undefined ? {} : { append }),
    ...changes,
  };
}

/** A context that keeps what it is told. */
export function launchContext(changes: Partial<LaunchContext> = {}) {
  const phases: LaunchPhase[] = [];
  const log: string[] = [];
  const warnings: string[] = [];
  const console: Buffer[] = [];
  const context: LaunchContext = {
    signal: new AbortController().signal,
    phase: (phase) => void phases.push(phase),
    console: (bytes) => void console.push(Buffer.from(bytes)),
    log: (line) => void log.push(line),
    warn: (line) => void warnings.push(line),
    progress: () => undefined,
    ...changes,
  };
  return { context, phases, log, warnings, console };
}
