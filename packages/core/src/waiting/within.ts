/** The longest that a timer can be set to, in milliseconds; a longer one would go off at once. */
const LONGEST = 2 ** 31 - 1;

/**
 * The result of some work; rejects with what `late` makes when it takes longer than so many milliseconds. The work then
 * goes on unheard, so whoever started it must end it. Keeps the process alive meanwhile.
 */
export async function within<T>(milliseconds: number, work: PromiseLike<T>, late: () => unknown): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late() as Error), Math.min(milliseconds, LONGEST));
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}

/** The result of some work, or null when it takes longer than so many milliseconds. */
export async function orNull<T>(milliseconds: number, work: PromiseLike<T>): Promise<T | null> {
  const late = Symbol('late');
  try {
    return await within(milliseconds, work, () => late);
  } catch (error) {
    if (error === late) return null;
    throw error;
  }
}

/** Calls back after so many milliseconds, however many these are; the function given back withdraws it. */
export function after(milliseconds: number, callback: () => void): () => void {
  const timer = setTimeout(callback, Math.min(milliseconds, LONGEST));
  return () => clearTimeout(timer);
}
