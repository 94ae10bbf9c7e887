import { toBytes, toText } from './bytes.js';
import { EVENT_BITS } from './events.js';
import type {
  ApplianceEvent,
  CloseEvent,
  EnterEvent,
  EventName,
  LaunchDoneEvent,
  LibraryEvent,
  LibvirtAuthEvent,
  ProgressEvent,
  SubprocessQuitEvent,
  TraceEvent,
  WarningEvent,
} from './events.js';
import type { Progress } from './progress/progress.js';

const NO_BYTES = toBytes('');
const NO_NUMBERS: readonly bigint[] = Object.freeze([]);

class BaseEvent<Name extends EventName> {
  readonly type: Name;
  readonly bit: number;
  readonly time: number;
  readonly buffer: Uint8Array;

  constructor(type: Name, buffer: Uint8Array, time: number) {
    this.type = type;
    this.bit = EVENT_BITS[type];
    this.time = time;
    this.buffer = buffer;
  }

  get text(): string {
    return toText(this.buffer);
  }

  get array(): readonly bigint[] {
    return NO_NUMBERS;
  }
}

class Quit extends BaseEvent<'subprocessQuit'> implements SubprocessQuitEvent {
  readonly reason: string;
  readonly expected: boolean;

  constructor(reason: string, expected: boolean, time: number) {
    super('subprocessQuit', NO_BYTES, time);
    this.reason = reason;
    this.expected = expected;
  }
}

class ProgressMessage extends BaseEvent<'progress'> implements Progress {
  readonly operation: string;
  readonly proc: number;
  readonly serial: number;
  readonly position: bigint;
  readonly total: bigint;
  readonly fraction: number | null;
  readonly pulse: boolean;
  readonly done: boolean;
  declare readonly phase?: string;

  constructor(progress: Progress, time: number) {
    super('progress', NO_BYTES, time);
    this.operation = progress.operation;
    this.proc = progress.proc;
    this.serial = progress.serial;
    this.position = progress.position;
    this.total = progress.total;
    this.fraction = progress.fraction;
    this.pulse = progress.pulse;
    this.done = progress.done;
    if (progress.phase !== undefined) this.phase = progress.phase;
  }

  override get array(): readonly bigint[] {
    return [BigInt(this.proc), BigInt(this.serial), this.position, this.total];
  }
}

class Enter extends BaseEvent<'enter'> implements EnterEvent {
  readonly operation: string;

  constructor(operation: string, time: number) {
    super('enter', toBytes(operation), time);
    this.operation = operation;
  }
}

class LibvirtAuth extends BaseEvent<'libvirtAuth'> implements LibvirtAuthEvent {
  readonly uri: string;

  constructor(uri: string, time: number) {
    super('libvirtAuth', toBytes(uri), time);
    this.uri = uri;
  }
}

class Warning extends BaseEvent<'warning'> implements WarningEvent {
  declare readonly cause?: unknown;

  constructor(buffer: Uint8Array, cause: unknown, time: number) {
    super('warning', buffer, time);
    if (cause !== undefined) this.cause = cause;
  }
}

const bytesOf = (message: string | Uint8Array): Uint8Array =>
  typeof message === 'string' ? toBytes(message) : message;

/** Makes the events of each class. `time` is now unless given, in milliseconds since the epoch. */
export const createEvent = {
  close: (time = Date.now()): CloseEvent => new BaseEvent('close', NO_BYTES, time),
  subprocessQuit: (end: { reason: string; expected: boolean }, time = Date.now()): SubprocessQuitEvent =>
    new Quit(end.reason, end.expected, time),
  launchDone: (time = Date.now()): LaunchDoneEvent => new BaseEvent('launchDone', NO_BYTES, time),
  progress: (progress: Progress, time = Date.now()): ProgressEvent => new ProgressMessage(progress, time),
  appliance: (bytes: Uint8Array, time = Date.now()): ApplianceEvent => new BaseEvent('appliance', bytes, time),
  library: (message: string | Uint8Array, time = Date.now()): LibraryEvent =>
    new BaseEvent('library', bytesOf(message), time),
  trace: (message: string | Uint8Array, time = Date.now()): TraceEvent =>
    new BaseEvent('trace', bytesOf(message), time),
  enter: (operation: string, time = Date.now()): EnterEvent => new Enter(operation, time),
  libvirtAuth: (uri: string, time = Date.now()): LibvirtAuthEvent => new LibvirtAuth(uri, time),
  warning: (message: string | Uint8Array, cause?: unknown, time = Date.now()): WarningEvent =>
    new Warning(bytesOf(message), cause, time),
};
