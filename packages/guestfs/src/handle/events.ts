import { LibvirtCredentials } from '@guestfs/attach/internal';
import type { Authenticate } from '@guestfs/attach/internal';
import { LAUNCH_PHASES } from '@guestfs/core';
import type { LaunchContext, LaunchPhase, RunControl } from '@guestfs/core';
import { encodeEscaped } from '@guestfs/core/protocol';
import type { Settings } from '@guestfs/core/appliance';
import { createEvent, GuestfsEmitter, makeProgress, StderrFallback } from '@guestfs/events';

/** In their order. */
const PHASES = Object.keys(LAUNCH_PHASES) as LaunchPhase[];

/** What a handle tells: its events, and where a launch and its backend report to. */
export class HandleEvents {
  readonly emitter: GuestfsEmitter;
  readonly credentials = new LibvirtCredentials();

  constructor(settings: Settings) {
    this.emitter = new GuestfsEmitter({ fallback: new StderrFallback(settings) });
  }

  trace(line: string): void {
    // What is not UTF-8 in a name is the same bytes again.
    this.emitter.dispatch(createEvent.trace(encodeEscaped(line) ?? line));
  }

  warn(line: string): void {
    this.emitter.dispatch(createEvent.warning(line));
  }

  /** A line of the library's own log, or several. */
  log(lines: string): void {
    if (!this.emitter.wants('library')) return;
    for (const line of lines.split('\n')) this.emitter.dispatch(createEvent.library(line));
  }

  /** Sends a libvirt_auth event for what libvirt asks; null when nobody listens. */
  readonly authenticate: Authenticate = (uri, requests) => {
    if (!this.emitter.wants('libvirtAuth')) return null;
    return this.credentials.ask(requests, () => this.emitter.dispatch(createEvent.libvirtAuth(uri)));
  };

  protected launchContext(signal: AbortSignal, phase: (phase: LaunchPhase) => void): LaunchContext {
    return {
      signal,
      phase,
      console: (bytes) => {
        if (this.emitter.wants('appliance')) this.emitter.dispatch(createEvent.appliance(bytes));
      },
      log: (line) => this.log(line),
      warn: (line) => this.warn(line),
      progress: (progress) => {
        if (this.emitter.wants('progress')) this.emitter.dispatch(createEvent.progress(progress));
      },
    };
  }

  /** Tells each phase once and in order, however often it is reported; one that was left out comes with the next. */
  protected launchPhases(control: RunControl): (phase: LaunchPhase) => void {
    const started = performance.now();
    let last = -1;
    return (reached) => {
      for (const phase of PHASES) {
        const position = LAUNCH_PHASES[phase];
        if (position <= last || position > LAUNCH_PHASES[reached]) continue;
        last = position;
        this.log(`launch: ${phase} after ${((performance.now() - started) / 1000).toFixed(3)} s`);
        const numbers = { operation: 'launch', proc: 0, serial: 0, position: BigInt(position), total: 12n };
        const progress = makeProgress({ ...numbers, phase });
        this.emitter.dispatch(createEvent.progress(progress));
        control.progress(progress);
      }
    };
  }
}
