import type { Origin } from '../operation/located.js';
import type { PendingCall } from '../calls/call.js';

/** How many calls of one procedure, with no other between them, get a place of their own. */
const OWN = 16;

/**
 * Where calls were made, for the stacks of their errors.
 *
 * Looking at the stack takes longer than all the rest of a call. A thousand calls of one procedure come from one loop, so
 * after the first few nobody looks: those of the same go share the place of the one before, and for others the line that
 * awaits the call is found when it fails.
 */
export class Origins {
  #count = 0;
  #proc = -1;
  #last: Origin | null = null;
  readonly #forget = (): void => {
    this.#last = null;
  };

  // eslint-disable-next-line @typescript-eslint/no-unsafe-function-type -- only marks a place on the stack
  remember(call: PendingCall, below: Function): void {
    const { proc } = call.procedure;
    if (proc !== this.#proc) {
      this.#proc = proc;
      this.#count = 0;
    }
    if (this.#count >= OWN) {
      call.shareOrigin(this.#last);
      return;
    }
    if (this.#last === null) queueMicrotask(this.#forget);
    this.#last = call.captureOrigin(below);
    this.#count++;
  }
}
