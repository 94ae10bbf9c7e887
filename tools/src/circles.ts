/** The circles among files that import each other: the shortest through each file, every circle once. */
export function findCircles(imports: ReadonlyMap<string, readonly string[]>): string[][] {
  const circles: string[][] = [];
  const found = new Set<string>();
  for (const file of [...imports.keys()].sort()) {
    if (found.has(file)) continue;
    const circle = findCircle(imports, file);
    if (circle === null) continue;
    circles.push(circle);
    circle.forEach((each) => found.add(each));
  }
  return circles;
}

/** The shortest way from a file back to it, both ends included; null where there is none. */
function findCircle(imports: ReadonlyMap<string, readonly string[]>, start: string): string[] | null {
  const cameFrom = new Map<string, string>();
  const queue = [start];
  for (const file of queue) {
    for (const next of imports.get(file) ?? []) {
      if (next === start) {
        const way = [start];
        for (let back = file; back !== start; back = cameFrom.get(back) as string) way.unshift(back);
        return [start, ...way];
      }
      if (cameFrom.has(next)) continue;
      cameFrom.set(next, file);
      queue.push(next);
    }
  }
  return null;
}
