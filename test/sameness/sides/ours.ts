import { Buffer } from 'node:buffer';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { constants } from 'node:os';
import { join } from 'node:path';
import { Guestfs } from 'guestfs';
import { argument, camel, canonical, type Canonical } from '../canonical.js';
import type { Outcome } from '../compare.js';
import type { Request, Sendable, Side } from './side.js';

type Method = (...args: unknown[]) => unknown;

/** This SDK's facade. File arguments travel in turns as host paths and as streams, so both ways are compared. */
export function ourSide(folder: string): Side {
  const guestfs = new Guestfs();
  let turn = 0;
  return {
    name: 'guestfs for TypeScript',
    folder,
    async perform(request: Request): Promise<Outcome> {
      const method = (guestfs as unknown as Record<string, Method | undefined>)[camel(request.call)];
      if (typeof method !== 'function') return { error: { errno: 'no such method', message: request.call } };
      turn += 1;
      const files = await mkdtemp(join(folder, 'files-'));
      try {
        return { result: canonical(await called(guestfs, method, request, turn % 2 === 0 ? files : undefined)) };
      } catch (error) {
        return { error: failure(error) };
      } finally {
        await rm(files, { recursive: true });
      }
    },
    async close(): Promise<void> {
      await guestfs.close();
    },
  };
}

const isFile = (value: Sendable, way: 'in' | 'out'): boolean =>
  typeof value === 'object' && value !== null && way in value;

async function called(
  guestfs: Guestfs,
  method: Method,
  request: Request,
  folder: string | undefined,
): Promise<unknown> {
  const args: unknown[] = [];
  let received: string | undefined;
  const streamed = folder === undefined && request.args.some((value) => isFile(value, 'out'));
  for (const value of request.args) {
    if (isFile(value, 'in')) args.push(await source(Buffer.from((value as { in: string }).in, 'base64'), folder));
    else if (!isFile(value, 'out')) args.push(argument(value as Canonical | boolean));
    else if (folder !== undefined) args.push((received = join(folder, 'received')));
  }
  const opts = Object.entries(request.opts).map(
    ([name, value]) => [camel(name), argument(value as Canonical | boolean)] as const,
  );
  if (opts.length > 0) args.push(Object.fromEntries(opts));
  const operation = method.apply(guestfs, args);
  if (streamed) return collected(operation as AsyncIterable<Uint8Array>);
  const result = await operation;
  return received === undefined ? result : readFile(received);
}

async function source(content: Buffer, folder: string | undefined): Promise<unknown> {
  if (folder === undefined) return content;
  const file = join(folder, 'sent');
  await writeFile(file, content);
  return file;
}

async function collected(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function failure(error: unknown): { errno: string | null; message: string } {
  const { code, errno, message } = error as { code?: unknown; errno?: unknown; message?: unknown };
  if (typeof code !== 'string' || code.startsWith('ERR_')) return { errno: null, message: String(message) };
  const agrees = errno === constants.errno[code as keyof typeof constants.errno];
  return { errno: agrees ? code : `${code} with the number ${String(errno)}`, message: String(message) };
}
