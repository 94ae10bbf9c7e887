import { GuestfsError } from '@guestfs/core';

/** A walk over the area, and the state of the area that it is true for. */
interface Walk {
  readonly entries: Iterator<[key: string, value: unknown]>;
  readonly version: number;
}

/** Values of the program's own that a handle carries, by name. */
export class PrivateData {
  readonly #values = new Map<string, unknown>();
  /** Counts the changes, so that a walk notices them. */
  #version = 0;
  #walk: Walk | null = null;

  set(key: string, value: unknown): void {
    if (typeof key !== 'string') {
      throw new GuestfsError('ERR_GUESTFS_ARGUMENT', 'argument `key` must be a string', { operation: 'setPrivate' });
    }
    this.#version++;
    if (value === null || value === undefined) this.#values.delete(key);
    else this.#values.set(key, value);
  }

  get(key: string): unknown {
    return this.#values.get(key) ?? null;
  }

  first(): [key: string, value: unknown] | null {
    this.#walk = this.#begin();
    return this.next('firstPrivate');
  }

  next(operation = 'nextPrivate'): [key: string, value: unknown] | null {
    return this.#walk === null ? null : this.#step(this.#walk, operation);
  }

  *entries(): Generator<[key: string, value: unknown], void, void> {
    const walk = this.#begin();
    for (let entry = this.#step(walk, 'privateData'); entry !== null; entry = this.#step(walk, 'privateData'))
      yield entry;
  }

  #begin(): Walk {
    return { entries: this.#values.entries(), version: this.#version };
  }

  #step(walk: Walk, operation: string): [key: string, value: unknown] | null {
    if (walk.version !== this.#version) {
      throw new GuestfsError('ERR_GUESTFS_STATE', 'the private data was changed during the walk over it', {
        operation,
        hint: 'collect the keys first, and change the values then',
      });
    }
    const step = walk.entries.next();
    return step.done === true ? null : step.value;
  }
}
