import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Appliance } from '../../find/appliance.js';
import { kernelArguments } from '../../boot/kernel-arguments.js';
import { guestProgram } from '../../lean/guest-program.js';
import { buildLeanInitrd } from '../../lean/initrd.js';
import { kernelRelease } from '../../lean/kernel-release.js';
import { leanTraits, type AcceleratorName, type HostCpu } from '../../qemu/architecture.js';
import { qemuVersion, type Qemu } from '../../qemu/find.js';
import { contentHash } from '../../cache/content-hash.js';
import { fileIdentity } from '../../cache/file-identity.js';
import { hostCpuModel, hostKernel } from '../../host/host-identity.js';
import { rootHash } from './root.js';
import { warmArguments } from '../machine/machine.js';
import type { Memo } from '../../cache/memo.js';

/** Goes up when templates or their initrd are made in another way, so that old ones are not used. */
const RECIPE = 7;

/** All that a template is made from. */
export interface TemplateInputs {
  readonly qemu: Qemu;
  readonly cpu: HostCpu;
  readonly accelerator: AcceleratorName;
  readonly appliance: Appliance & { readonly root: string };
}

/** What the key is made of; any difference gives another template. */
export interface KeyParts {
  readonly recipe: number;
  readonly qemu: string;
  readonly qemuVersion: string;
  readonly arguments: readonly string[];
  readonly kernelArguments: string;
  readonly kernel: string;
  readonly initrd: string;
  readonly helper: string;
  readonly root: string;
  readonly rootFormat: string;
  readonly hostCpu: string;
  readonly hostKernel: string;
}

/** The name of the template that is made from these parts: 32 hexadecimal digits. */
export function templateKey(parts: KeyParts): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);
}

/** The kernel's arguments of a template's machine. */
export function templateKernelArguments({ cpu, accelerator, appliance }: TemplateInputs): string {
  return kernelArguments({
    traits: leanTraits(cpu, accelerator),
    rootUuid: appliance.rootUuid,
    selinux: false,
    verbose: false,
    network: false,
    identifier: '',
    term: undefined,
    append: undefined,
    lean: { disks: 0, template: true },
  });
}

/**
 * Finds out what a template would be made of. Hashes are remembered until the files change, so that this takes a few
 * milliseconds. Null where no template can be made: no guest programs or no lean initrd for this CPU and kernel.
 */
export async function keyParts(
  inputs: TemplateInputs,
  memo: Memo,
  log?: (line: string) => void,
): Promise<KeyParts | null> {
  const { qemu, cpu, accelerator, appliance } = inputs;
  const [helper, initrd] = await Promise.all([guestProgram('guest-helper', cpu), leanInitrdHash(inputs, memo)]);
  if (helper === null || initrd === '') return null;
  const hashed = async (file: string): Promise<string> =>
    memo.get(`content ${file}`, await fileIdentity(file), () => contentHash(file, log));
  const placeholders = { ram: 'RAM', root: 'ROOT', sockets: { daemon: 'DAEMON', helper: 'HELPER', qmp: 'QMP' } };
  return {
    recipe: RECIPE,
    qemu: qemu.identity,
    qemuVersion: await memo.get(
      `version ${qemu.file}`,
      qemu.identity,
      async () => (await qemuVersion(qemu, log)) ?? '',
    ),
    arguments: warmArguments({ cpu, accelerator, use: 'restore', ...placeholders }),
    kernelArguments: templateKernelArguments(inputs),
    kernel: await hashed(appliance.kernel),
    initrd,
    helper: createHash('sha256').update(helper).digest('hex'),
    root: await memo.get(rootName(appliance.root), await fileIdentity(appliance.root), () =>
      rootHash(appliance.root, log),
    ),
    rootFormat: appliance.rootFormat,
    hostCpu: await hostCpuModel(),
    // What the machine is under KVM depends on the host's kernel too.
    hostKernel: accelerator === 'tcg' ? '' : hostKernel(),
  };
}

/** Remembers a root's hash though another name was given to the file, which changes the file's identity. */
export async function cacheRootHash({ appliance: { root } }: TemplateInputs, hash: string, memo: Memo): Promise<void> {
  await memo.set(rootName(root), await fileIdentity(root), hash);
}

const rootName = (file: string): string => `root ${file}`;

/** The hash of the lean initrd, empty where there is none; it depends on the kernel, its modules and the init. */
async function leanInitrdHash({ appliance, cpu }: TemplateInputs, memo: Memo): Promise<string> {
  const kernel = await fileIdentity(appliance.kernel);
  const release = await memo.get(
    `release ${appliance.kernel}`,
    kernel,
    async () => (await kernelRelease(appliance.kernel)) ?? '',
  );
  if (release === '') return '';
  const modules = await fileIdentity(join('/lib/modules', release, 'modules.dep')).catch(() => null);
  if (modules === null) return '';
  const init = createHash('sha256')
    .update((await guestProgram('guest-init', cpu)) ?? '')
    .digest('hex');
  return memo.get(`initrd ${appliance.kernel}`, [RECIPE, kernel, modules, init].join(' '), async () => {
    const initrd = await buildLeanInitrd(appliance.kernel, cpu);
    return initrd === null ? '' : createHash('sha256').update(initrd).digest('hex');
  });
}
