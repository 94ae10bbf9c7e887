/** An entry of a journal: its time in microseconds since the epoch, and its fields in their order. */
export interface JournalEntry {
  readonly realtime: bigint;
  readonly fields: readonly (readonly [name: string, value: Buffer | string])[];
}

const HEADER_SIZE = 256;
const KIND = { data: 1, entry: 3, dataHashTable: 4, fieldHashTable: 5, entryArray: 6 } as const;

/** Makes a file of systemd's journal by hand, as its documentation describes the format. */
export function makeJournal(entries: readonly JournalEntry[]): Buffer {
  const objects: Buffer[] = [];
  let end = HEADER_SIZE;
  let last = 0;

  /** Adds an object of so many bytes after its own header, and returns where it is. */
  const add = (kind: number, body: Buffer): number => {
    const object = Buffer.alloc(Math.ceil((16 + body.length) / 8) * 8);
    object.writeUInt8(kind, 0);
    object.writeBigUInt64LE(BigInt(16 + body.length), 8);
    body.copy(object, 16);
    objects.push(object);
    last = end;
    end += object.length;
    return last;
  };
  const numbers = (...values: bigint[]): Buffer => {
    const bytes = Buffer.alloc(8 * values.length);
    values.forEach((value, i) => bytes.writeBigUInt64LE(value, 8 * i));
    return bytes;
  };

  const dataTable = add(KIND.dataHashTable, Buffer.alloc(16 * 8));
  const fieldTable = add(KIND.fieldHashTable, Buffer.alloc(16 * 8));
  const bootId = Buffer.alloc(16, 0xb0);
  let hash = 0n;
  const places = entries.map(({ realtime, fields }, i) => {
    const items = fields.map(([name, value]) => {
      hash += 1n;
      // Known to one entry, which comes after: readers only ask whether there is any.
      const head = numbers(hash, 0n, 0n, BigInt(HEADER_SIZE), 0n, 1n);
      const place = add(KIND.data, Buffer.concat([head, Buffer.from(`${name}=`), Buffer.from(value)]));
      return numbers(BigInt(place), hash);
    });
    const head = [numbers(BigInt(i + 1), realtime, BigInt(i + 1)), bootId, numbers(0n)];
    return add(KIND.entry, Buffer.concat([...head, ...items]));
  });
  const array = add(KIND.entryArray, numbers(0n, ...places.map(BigInt)));

  const header = Buffer.alloc(HEADER_SIZE);
  header.write('LPKSHHRH', 0, 'latin1');
  for (const [at, value] of [
    [24, 0xf1],
    [40, 0xaa],
    [56, 0xb0],
    [72, 0x5e],
  ] as const) {
    header.fill(value, at, at + 16);
  }
  const first = entries[0]?.realtime ?? 0n;
  const final = entries.at(-1)?.realtime ?? 0n;
  const count = BigInt(entries.length);
  const fields = [
    BigInt(HEADER_SIZE),
    BigInt(end - HEADER_SIZE),
    ...[dataTable + 16, 128, fieldTable + 16, 128, last, objects.length].map(BigInt),
    ...[count, count, count === 0n ? 0n : 1n, BigInt(array), first, final, count],
  ];
  numbers(...fields).copy(header, 88);
  return Buffer.concat([header, ...objects]);
}
