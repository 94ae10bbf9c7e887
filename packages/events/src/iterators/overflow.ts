import { GuestfsError } from '../errors.js';

/** What a full queue does: forget its oldest item, or not take the newest. */
export type Overflow = 'drop-oldest' | 'drop-newest';

export interface StoreOptions<T> {
  /** How many items it holds at most. */
  capacity: number;
  overflow?: Overflow | undefined;
  /** Of the unread items with the same key only the newest is kept; no key, no such rule. */
  keyOf?: ((item: T) => string | number | undefined) | undefined;
  /** Items that are dropped only when the queue holds nothing else, and that no newer one replaces. */
  isLast?: ((item: T) => boolean) | undefined;
}

interface Node<T> {
  item: T;
  readonly key: string | number | undefined;
  readonly last: boolean;
  before: Node<T> | undefined;
  after: Node<T> | undefined;
}

/** A bounded queue: first in, first out, every operation in constant time. */
export class BoundedStore<T> {
  /** Items lost because the queue was full. */
  dropped = 0;
  /** Items that a newer one with the same key replaced before they were read. */
  superseded = 0;
  size = 0;
  readonly #capacity: number;
  readonly #overflow: Overflow;
  readonly #keyOf: (item: T) => string | number | undefined;
  readonly #isLast: (item: T) => boolean;
  readonly #byKey = new Map<string | number, Node<T>>();
  #head: Node<T> | undefined;
  #tail: Node<T> | undefined;

  constructor(options: StoreOptions<T>) {
    checkCapacity(options.capacity);
    this.#capacity = options.capacity;
    this.#overflow = options.overflow ?? 'drop-oldest';
    this.#keyOf = options.keyOf ?? (() => undefined);
    this.#isLast = options.isLast ?? (() => false);
  }

  push(item: T): void {
    const key = this.#keyOf(item);
    const last = this.#isLast(item);
    const older = key === undefined ? undefined : this.#byKey.get(key);
    if (older !== undefined) {
      this.superseded++;
      if (older === this.#tail && !last) {
        older.item = item;
        return;
      }
      this.#unlink(older);
    } else if (this.size >= this.#capacity) {
      this.dropped++;
      if (this.#overflow === 'drop-newest' && !last) return;
      this.#unlinkOldest();
    }
    this.#append({ item, key, last, before: this.#tail, after: undefined });
  }

  shift(): T | undefined {
    const head = this.#head;
    if (head === undefined) return undefined;
    this.#unlink(head);
    return head.item;
  }

  clear(): void {
    this.#head = undefined;
    this.#tail = undefined;
    this.#byKey.clear();
    this.size = 0;
  }

  #append(node: Node<T>): void {
    if (this.#tail === undefined) this.#head = node;
    else this.#tail.after = node;
    this.#tail = node;
    this.size++;
    if (node.key !== undefined && !node.last) this.#byKey.set(node.key, node);
  }

  #unlinkOldest(): void {
    let node = this.#head;
    while (node?.last === true) node = node.after;
    const oldest = node ?? this.#head;
    if (oldest !== undefined) this.#unlink(oldest);
  }

  #unlink(node: Node<T>): void {
    if (node.before === undefined) this.#head = node.after;
    else node.before.after = node.after;
    if (node.after === undefined) this.#tail = node.before;
    else node.after.before = node.before;
    this.size--;
    if (node.key !== undefined && !node.last) this.#byKey.delete(node.key);
  }
}

function checkCapacity(capacity: number): void {
  if (capacity === Infinity || (Number.isSafeInteger(capacity) && capacity >= 1)) return;
  throw new GuestfsError('ERR_GUESTFS_ARGUMENT', `capacity must be a whole number from 1 on, not ${String(capacity)}`, {
    hint: 'leave it out for the default, or give Infinity for a queue without a bound',
  });
}
