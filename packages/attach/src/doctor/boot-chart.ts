/** A span of a launch. */
export interface BootSpan {
  readonly name: string;
  /** Milliseconds from the start of the launch. */
  readonly start: number;
  readonly end: number;
}

interface Marker {
  /** The span that ends where the pattern is seen. */
  readonly before: string;
  readonly pattern: RegExp;
}

/** What the appliance's own verbose log says on the way, in order. */
const MARKERS: readonly Marker[] = [
  { before: 'qemu and firmware', pattern: /Linux version / },
  { before: 'kernel', pattern: /mini initrd starting|Run \/init as init/ },
  { before: 'initrd: modules, root', pattern: /supermin: chroot|Starting \/init script/ },
  { before: 'init: before udev', pattern: /^\+ .*udevd/ },
  { before: 'udev: devices', pattern: /^\+ .*(?:\bip addr|\bip link|mdadm|\blvm |ldmtool|lvmetad)/ },
  { before: 'init: MD, LVM, dumps', pattern: /^\+ .*guestfsd|trying to open virtio-serial/ },
];

/** Collects a boot's log: lines with the time at which they came, or for the kernel's own lines at which they were made. */
export class BootLog {
  readonly #marks: { name: string; at: number }[] = [];
  #next = 0;
  #rest = '';
  /** When the kernel's clock stood at zero: its lines come late where the console is slow. */
  #kernelStart: number | null = null;

  /** `now` is in milliseconds from the start of the launch. */
  add(text: string, now: number): void {
    const lines = (this.#rest + text).split(/\r?\n/);
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#line(line, now);
  }

  #line(line: string, now: number): void {
    const [, seconds, message = line] = /^\[ *(\d+\.\d+)\] (.*)$/.exec(line) ?? [];
    let at = now;
    if (seconds !== undefined) {
      const stamp = Number(seconds) * 1000;
      this.#kernelStart = Math.min(this.#kernelStart ?? Infinity, now - stamp);
      at = Math.min(now, this.#kernelStart + stamp);
    }
    const found = MARKERS.findIndex(({ pattern }, i) => i >= this.#next && pattern.test(message));
    const marker = MARKERS[found];
    if (marker === undefined) return;
    this.#next = found + 1;
    this.#marks.push({ name: marker.before, at });
  }

  /** The spans up to the end of the launch, one after the other without gaps. */
  finish(end: number): BootSpan[] {
    const spans: BootSpan[] = [];
    let start = 0;
    for (const { name, at } of [...this.#marks, { name: 'guestfsd', at: end }]) {
      const stop = Math.max(start, at);
      spans.push({ name, start, end: stop });
      start = stop;
    }
    return spans;
  }
}

/** Draws the spans as bars, each where it lies in the whole; `width` is that of the bars in letters. */
export function formatBootChart(spans: readonly BootSpan[], width = 50): string {
  const total = spans.at(-1)?.end ?? 0;
  const names = Math.max(...spans.map(({ name }) => name.length), 'total'.length);
  const scale = (time: number): number => (total === 0 ? 0 : Math.round((time / total) * width));
  const seconds = (time: number): string => `${(time / 1000).toFixed(2).padStart(7)} s`;
  const lines = spans.map(({ name, start, end }) => {
    const bar = '█'.repeat(Math.max(scale(end) - scale(start), 0)) || '▏';
    return `${name.padEnd(names)} ${seconds(end - start)}  ${' '.repeat(scale(start))}${bar}`;
  });
  return [...lines, `${'total'.padEnd(names)} ${seconds(total)}`].join('\n');
}
