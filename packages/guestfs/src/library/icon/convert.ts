import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { logCommand, makePrivateFolder, withPath } from '@guestfs/core/appliance';
import { execa } from 'execa';
import type { Run } from '../../call/run.js';

/** A program and its arguments, which reads what the one before it wrote. */
export type Filter = readonly [command: string, ...args: string[]];

const TIME_LIMIT = 30_000;

/**
 * Passes bytes through programs of this host, one after the other; null where one is missing or fails, which the
 * library's log tells.
 */
export async function convert(run: Run, input: Buffer, filters: readonly Filter[]): Promise<Buffer | null> {
  let bytes: Uint8Array = input;
  for (const [command, ...args] of filters) {
    const options = {
      input: bytes,
      env: withPath(process.env),
      encoding: 'buffer',
      reject: false,
      timeout: TIME_LIMIT,
      cancelSignal: run.signal,
    } as const;
    const logEnd = logCommand((line) => run.handle.log(line), command, args);
    const result = await execa(command, args, options);
    logEnd(result.failed ? `failed (${result.shortMessage ?? ''})` : 'exited with status 0');
    if (result.failed) {
      run.handle.log(`inspectGetIcon: ${result.shortMessage ?? command}; install icoutils and netpbm for this icon`);
      return null;
    }
    bytes = result.stdout;
  }
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Like `convert` with the first program reading a file, whose path is its last argument. */
export async function convertFile(
  run: Run,
  content: Buffer,
  first: Filter,
  rest: readonly Filter[],
): Promise<Buffer | null> {
  const folder = makePrivateFolder(run.handle.settings.tmpdir, 'the icon’s program');
  try {
    const path = join(folder, 'program.exe');
    await writeFile(path, content);
    return await convert(run, Buffer.alloc(0), [[...first, path], ...rest]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
