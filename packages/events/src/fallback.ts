import type { EventFallback } from './emitter.js';
import type { EventName, GuestfsEvent } from './events.js';

/** The handle's settings that decide what is printed; read anew for each event. */
export interface FallbackSettings {
  readonly verbose: boolean;
  readonly trace: boolean;
  /** Marks the trace lines of one handle among others; empty for none. */
  readonly identifier: string;
}

const NAMED_ESCAPES: Readonly<Record<number, string>> = {
  0: '\\0',
  7: '\\a',
  8: '\\b',
  9: '\\t',
  10: '\\n',
  11: '\\v',
  12: '\\f',
  13: '\\r',
};

/**
 * Prints what nobody listens to: warnings always, traces while tracing, appliance and library messages while verbose.
 *
 * Appliance bytes are printed as they come, the rest as one line each. Bytes that are not printable ASCII are escaped;
 * line ends pass in appliance bytes only.
 */
export class StderrFallback implements EventFallback {
  readonly #settings: FallbackSettings;
  readonly #write: (text: string) => void;

  constructor(settings: FallbackSettings, write: (text: string) => void = (text) => process.stderr.write(text)) {
    this.#settings = settings;
    this.#write = write;
  }

  wants(name: EventName): boolean {
    if (name === 'warning') return true;
    if (name === 'trace') return this.#settings.trace;
    return (name === 'appliance' || name === 'library') && this.#settings.verbose;
  }

  write(event: GuestfsEvent): void {
    if (!this.wants(event.type)) return;
    const text = escapeBytes(event.buffer, event.type === 'appliance');
    this.#write(event.type === 'appliance' ? text : `libguestfs: ${this.#label(event.type)}${text}\n`);
  }

  #label(name: EventName): string {
    if (name === 'warning') return 'warning: ';
    if (name !== 'trace') return '';
    return this.#settings.identifier === '' ? 'trace: ' : `trace: ${this.#settings.identifier}: `;
  }
}

/** Bytes as printable ASCII, the rest as `\n`, `\x1b`; with `keepLineEnds`, `\n` and `\r` pass. */
export function escapeBytes(bytes: Uint8Array, keepLineEnds: boolean): string {
  let text = '';
  for (const byte of bytes) {
    const printable = byte >= 0x20 && byte <= 0x7e;
    const lineEnd = keepLineEnds && (byte === 10 || byte === 13);
    text += printable || lineEnd ? String.fromCharCode(byte) : (NAMED_ESCAPES[byte] ?? `\\x${byte.toString(16)}`);
  }
  return text;
}
