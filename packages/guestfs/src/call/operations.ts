import { Operation } from '@guestfs/core';
import type { RunControl } from '@guestfs/core';

/**
 * Waits for work that cannot be cancelled, and rejects at once when the function is.
 *
 * What the work gives after that goes to `late`; what it then fails with is dropped.
 */
export function untilCancelled<Result>(
  control: RunControl,
  work: PromiseLike<Result>,
  late?: (result: Result) => void,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    let waits = true;
    const stopListening = control.onCancel((error) => {
      waits = false;
      reject(error);
    });
    work.then(
      (result) => {
        stopListening();
        if (waits) resolve(result);
        else late?.(result);
      },
      (error: unknown) => {
        stopListening();
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- what the work rejects with
        reject(error);
      },
    );
  });
}

/** The operation of a call that was refused before it began. */
export function rejected<Result>(name: string, error: Error): Operation<Result> {
  return Operation.run(name, undefined, () => {
    throw error;
  });
}
