import type { Origin } from '../operation/control.js';
import type { PendingCall } from './call.js';

/** How many calls of one go get a place of their own. */
const OWN = 16;

/**
 * Where calls were made, for the stacks of their errors.
 *
 * Looking at the stack takes longer than all the rest of a call that is sent ahead. A thousand calls of one procedure in
 * one go come from one loop, so after the first few they share the place of the one before.
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
    if (proc !== this.#proc || this.#last === null) {
      if (this.#last === null) queueMicrotask(this.#forget);
      this.#proc = proc;
      this.#count = 0;
    }
    if (this.#last !== null && this.#count >= OWN) call.shareOrigin(this.#last);
    else this.#last = call.captureOrigin(below);
    this.#count++;
  }
}
