import type { Appliance } from '../../find/appliance.js';
import type { LaunchConfig } from '../../config/config.js';
import type { BoundContext } from '../../boot/launch-deadline.js';
import type { DriveKind } from '../../drives/drive-file.js';
import type { AcceleratorName, HostCpu } from '../../qemu/architecture.js';
import type { Qemu } from '../../qemu/find.js';
import type { MachineSession } from '../../boot/session.js';
import { explainColdBoot } from '../eligible.js';
import { keyParts, templateKey, type TemplateInputs } from '../template/key.js';
import { RunFailure } from '../machine/machine-run.js';
import { isTemplateAtFault, RestoreFailure } from './fault.js';
import { restoreMachine } from './restore.js';
import { TemplateStore, type MissingTemplate } from '../template/store.js';

export interface WarmStartOptions {
  readonly config: LaunchConfig;
  readonly context: BoundContext;
  readonly qemu: Qemu;
  readonly cpu: HostCpu;
  readonly accelerator: AcceleratorName;
  readonly appliance: Appliance;
  readonly driveKinds: readonly DriveKind[];
}

/** How a warm start went: a session, or why the launch goes on cold and whether a template is worth making then. */
export type WarmStart =
  { readonly session: MachineSession } | { readonly session: null; readonly wanted: MissingTemplate | null };

const COLD = { session: null, wanted: null } as const;

/**
 * Starts from a template where there is one that fits. Never fails because of a template: what goes wrong is told in the
 * log, a template that does not work is removed, and the launch goes on cold.
 */
export async function tryWarmStart(options: WarmStartOptions, again = false): Promise<WarmStart> {
  const { config, context, appliance } = options;
  const log = (line: string): void => context.log(`warm start: ${line}`);
  const why = explainColdBoot(config);
  if (why !== null) {
    log(`not used (${why})`);
    return COLD;
  }
  if (appliance.root === null) {
    log('not used (the appliance has no root of its own)');
    return COLD;
  }
  const inputs: TemplateInputs = { ...options, appliance: { ...appliance, root: appliance.root } };
  try {
    const store = await TemplateStore.open(config.cachedir);
    const parts = await keyParts(inputs, store.memo, (line) => context.log(line));
    if (parts === null) {
      log('not used (templates cannot be made for this kernel and CPU)');
      return COLD;
    }
    const key = templateKey(parts);
    const found = await store.find(key);
    if (found.kind === 'ready') {
      log(`template ${key}`);
      const session = await restoreOrDrop(options, store, found.template);
      if (session !== null && session !== 'replaced') return { session };
      if (again || session === null) return COLD;
      log(`the template ${key} was replaced meanwhile, looking again`);
      return await tryWarmStart(options, true);
    }
    log(
      found.kind === 'missing'
        ? `there is no template ${key} yet`
        : `the template ${key} was removed: ${found.problem}`,
    );
    return { session: null, wanted: { inputs, key, store } };
  } catch (error) {
    context.signal.throwIfAborted();
    log(`not used (${oneLine(error)})`);
    return COLD;
  }
}

async function restoreOrDrop(
  options: WarmStartOptions,
  store: TemplateStore,
  template: Parameters<typeof restoreMachine>[0]['template'],
): Promise<MachineSession | 'replaced' | null> {
  const { context } = options;
  try {
    return await restoreMachine({ ...options, qemu: options.qemu.file, template });
  } catch (error) {
    context.signal.throwIfAborted();
    if (!(await store.holds(template))) return 'replaced';
    context.log(`warm start: failed, going on cold: ${oneLine(error)}`);
    if (error instanceof RestoreFailure && isTemplateAtFault(error)) {
      context.log(`warm start: the template ${template.key} is removed`);
      await store.drop(template.key);
    }
    return null;
  }
}

function oneLine(error: unknown): string {
  const cause = error instanceof RestoreFailure ? error.cause : error;
  const text =
    cause instanceof RunFailure
      ? [cause.message, cause.stderr].filter(Boolean).join(': ')
      : String((cause as Error).message ?? cause);
  return text
    .trim()
    .replace(/\s*\n\s*/g, '; ')
    .slice(0, 1000);
}
