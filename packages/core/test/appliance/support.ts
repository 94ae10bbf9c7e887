import type { Machine } from '../../src/appliance/boot/command-line.js';
import type { LaunchConfig } from '../../src/appliance/config/config.js';

/** The settings of a handle that nobody changed. */
export function machineConfig(change: Partial<LaunchConfig> = {}): Machine['config'] & LaunchConfig {
  return {
    drives: [],
    path: [],
    memsize: 1280,
    smp: 1,
    network: false,
    selinux: false,
    verbose: false,
    program: 'test',
    identifier: '',
    qemuParameters: [],
    backendSettings: [],
    tmpdir: '/tmp',
    cachedir: '/var/tmp',
    sockdir: '/tmp',
    pgroup: false,
    timeout: 60_000,
    warm: false,
    ...change,
  };
}

/** The values that follow an option, in order. */
export function valuesOf(args: readonly string[], option: string): string[] {
  return args.flatMap((word, i) => (word === option ? [args[i + 1] ?? ''] : []));
}

/** Reads options as qemu does: a comma ends a value, two stand for one. */
export function parseOptions(text: string): [string, string][] {
  const options: [string, string][] = [];
  let at = 0;
  while (at < text.length) {
    const equals = text.indexOf('=', at);
    const key = text.slice(at, equals);
    let value = '';
    at = equals + 1;
    while (at < text.length && (text[at] !== ',' || text[at + 1] === ',')) {
      value += text[at];
      at += text[at] === ',' ? 2 : 1;
    }
    options.push([key, value]);
    at += 1;
  }
  return options;
}
