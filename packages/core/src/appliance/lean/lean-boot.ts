import { join } from 'node:path';
import { openCacheFolder } from '../host/folders.js';
import { fileIdentity } from '../cache/file-identity.js';
import { hostBoot } from '../host/host-identity.js';
import type { Appliance } from '../find/appliance.js';
import type { LaunchConfig } from '../config/config.js';
import type { HostCpu } from '../qemu/architecture.js';
import { Memo } from '../cache/memo.js';
import { explainStockInitrd } from './eligible.js';
import { buildLeanInitrd } from './initrd.js';

export interface LeanBootOptions {
  readonly config: LaunchConfig;
  readonly appliance: Appliance;
  readonly cpu: HostCpu;
  readonly log: (line: string) => void;
}

/** The lean initrd for a launch, and what to tell when the appliance did not come up with it. */
export interface LeanInitrd {
  readonly content: Buffer;
  /** Remembers it until the host boots again or the kernel changes, so that later launches lose no time. */
  failed(): Promise<void>;
}

/** Decides for the lean initrd and makes it; null for the one that came with the appliance. */
export async function leanInitrd({ config, appliance, cpu, log }: LeanBootOptions): Promise<LeanInitrd | null> {
  const stock = (why: string): null => {
    log(`initrd: the appliance's own (${why})`);
    return null;
  };
  const why = explainStockInitrd(config);
  if (why !== null) return stock(why);
  if (process.platform !== 'linux') return stock('the kernel is not of this host');
  if (appliance.root === null) return stock('the appliance has no root of its own');
  const failures = await failureMemo(config.cachedir, appliance.kernel);
  if (await failures?.seen()) return stock('the lean one failed with this kernel');
  const content = await buildLeanInitrd(appliance.kernel, cpu);
  if (content === null) return stock('none can be made for this kernel and CPU');
  return { content, failed: async () => failures?.note() };
}

/** Null where the cache folder cannot be used: then nothing is remembered. */
async function failureMemo(
  cachedir: string,
  kernel: string,
): Promise<{ seen(): Promise<boolean>; note(): Promise<void> } | null> {
  try {
    const memo = new Memo(join(await openCacheFolder(cachedir), 'lean.json'));
    const identity = `${await hostBoot()} ${await fileIdentity(kernel)}`;
    return {
      seen: async () => (await memo.peek('failed', identity)) !== null,
      note: () => memo.set('failed', identity, 'yes'),
    };
  } catch {
    return null;
  }
}
