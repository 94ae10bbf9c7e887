import type { Progress } from './progress/progress.js';

/** The bit of each class of events, and ALL of them; combine with `|`. */
export const GUESTFS_EVENT = {
  CLOSE: 0x001,
  SUBPROCESS_QUIT: 0x002,
  LAUNCH_DONE: 0x004,
  PROGRESS: 0x008,
  APPLIANCE: 0x010,
  LIBRARY: 0x020,
  TRACE: 0x040,
  ENTER: 0x080,
  LIBVIRT_AUTH: 0x100,
  WARNING: 0x200,
  ALL: 0x3ff,
} as const;

/** What every event carries, whatever its class. */
interface EventBase<Name extends string> {
  /** The event's class. */
  readonly type: Name;
  /** The class as its bit of {@link GUESTFS_EVENT}. */
  readonly bit: number;
  /** When it happened: milliseconds since the epoch, maybe with a fraction. */
  readonly time: number;
  /** The message's bytes, which may hold NUL and are a Buffer under Node; empty where the class has no message. */
  readonly buffer: Uint8Array;
  /** `buffer` read as UTF-8. */
  readonly text: string;
  /** The numbers of a progress event (proc, serial, position, total); empty for every other class. */
  readonly array: readonly bigint[];
}

/** The handle is being closed; the last event of a handle. */
export type CloseEvent = EventBase<'close'>;

/** The subprocess went away while the handle was launched. */
export interface SubprocessQuitEvent extends EventBase<'subprocessQuit'> {
  /** For people: `qemu exited with status 1`. */
  readonly reason: string;
  /** True after `shutdown` or `close`, false when it went by itself. */
  readonly expected: boolean;
}

/** The daemon is ready for calls. */
export type LaunchDoneEvent = EventBase<'launchDone'>;

/** A long call, or the launch, tells how far it is. The event is itself a {@link Progress}. */
export type ProgressEvent = EventBase<'progress'> & Progress;

/** Output of qemu, the appliance's kernel, the daemon or a program it ran: raw bytes, not cut at lines. */
export type ApplianceEvent = EventBase<'appliance'>;

/** A message of this library, one line without its end. */
export type LibraryEvent = EventBase<'library'>;

/** A function is called or returns; only while tracing is on. */
export type TraceEvent = EventBase<'trace'>;

/** A function is entered. */
export interface EnterEvent extends EventBase<'enter'> {
  /** The function's name. */
  readonly operation: string;
}

/** libvirt asks for credentials. */
export interface LibvirtAuthEvent extends EventBase<'libvirtAuth'> {
  /** The connection that they are for. */
  readonly uri: string;
}

/** Something is wrong but the call goes on. */
export interface WarningEvent extends EventBase<'warning'> {
  /** What a listener threw or rejected with, where the warning is about that. */
  readonly cause?: unknown;
}

/** Each class of events by its name. */
export interface GuestfsEvents {
  close: CloseEvent;
  subprocessQuit: SubprocessQuitEvent;
  launchDone: LaunchDoneEvent;
  progress: ProgressEvent;
  appliance: ApplianceEvent;
  library: LibraryEvent;
  trace: TraceEvent;
  enter: EnterEvent;
  libvirtAuth: LibvirtAuthEvent;
  warning: WarningEvent;
}

/** The name of a class of events. */
export type EventName = keyof GuestfsEvents;

/** Any event; `type` tells which. */
export type GuestfsEvent = GuestfsEvents[EventName];

/** The bit of each class by its name, in the order of the bits. */
export const EVENT_BITS: Readonly<Record<EventName, number>> = {
  close: GUESTFS_EVENT.CLOSE,
  subprocessQuit: GUESTFS_EVENT.SUBPROCESS_QUIT,
  launchDone: GUESTFS_EVENT.LAUNCH_DONE,
  progress: GUESTFS_EVENT.PROGRESS,
  appliance: GUESTFS_EVENT.APPLIANCE,
  library: GUESTFS_EVENT.LIBRARY,
  trace: GUESTFS_EVENT.TRACE,
  enter: GUESTFS_EVENT.ENTER,
  libvirtAuth: GUESTFS_EVENT.LIBVIRT_AUTH,
  warning: GUESTFS_EVENT.WARNING,
};

/** The names of all classes, in the order of their bits. */
export const EVENT_NAMES = Object.keys(EVENT_BITS) as readonly EventName[];
