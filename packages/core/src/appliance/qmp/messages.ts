import { z } from 'zod';
import { GuestfsError } from '../../protocol/errors.js';

export interface QmpEvent {
  /** In capitals: `MIGRATION`, `DEVICE_DELETED`. */
  readonly name: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface QmpVersion {
  readonly major: number;
  readonly minor: number;
}

export type QmpMessage =
  | { readonly kind: 'greeting'; readonly version: QmpVersion }
  | { readonly kind: 'event'; readonly event: QmpEvent }
  | { readonly kind: 'return'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'error'; readonly id: number; readonly description: string };

const version = z.object({ major: z.number(), minor: z.number() });
const message = z.union([
  z.object({ QMP: z.object({ version: z.object({ qemu: version }) }) }),
  z.object({ event: z.string(), data: z.record(z.string(), z.unknown()).optional() }),
  z.object({ id: z.number(), error: z.object({ class: z.string(), desc: z.string() }) }),
  z.object({ id: z.number(), return: z.unknown() }),
]);

/** Understands one line from qemu; throws ERR_GUESTFS_PROTOCOL on anything else. */
export function parseQmp(line: string): QmpMessage {
  let parsed: z.infer<typeof message>;
  try {
    parsed = message.parse(JSON.parse(line));
  } catch (cause) {
    throw new GuestfsError(
      'ERR_GUESTFS_PROTOCOL',
      `qemu's control connection gave what is no message: ${JSON.stringify(line.slice(0, 200))}`,
      { cause },
    );
  }
  if ('QMP' in parsed) return { kind: 'greeting', version: parsed.QMP.version.qemu };
  if ('event' in parsed) return { kind: 'event', event: { name: parsed.event, data: parsed.data ?? {} } };
  if ('error' in parsed) return { kind: 'error', id: parsed.id, description: parsed.error.desc };
  return { kind: 'return', id: parsed.id, value: parsed.return };
}
