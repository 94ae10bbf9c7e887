import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { setTimeout as delay } from 'node:timers/promises';
import { GuestfsError } from '@guestfs/core';
import type { Procedure } from '@guestfs/core';
import { isFileSource, openStream } from '../files/sources.js';
import type { FileSource, OpenSource } from '../files/sources.js';
import { isFileTarget } from '../files/targets.js';
import type { FileTarget, OpenTarget } from '../files/targets.js';

/** Milliseconds that a file of the host has to be closed and removed, when a download failed. */
const GRACE = 1000;

/** What stands for a file among the arguments of a function. */
export interface FileArgument {
  readonly name: string;
  /** Where among the arguments it is. */
  readonly position: number;
}

/** The parts of a call that gives a file. */
export interface DownloadArguments {
  readonly args: readonly unknown[];
  readonly options: unknown;
  /** Undefined where it was left out, and the operation is read. */
  readonly target: FileTarget | undefined;
}

/** Finds what cannot be sent as a file. */
export function checkSource(operation: string, argument: string, source: unknown): GuestfsError | null {
  if (!isFileSource(source)) {
    return refused(operation, argument, 'must be a path, a file: URL, bytes, or a stream or async iterable of bytes');
  }
  return isWebStream(source) && source.locked ? refused(operation, argument, 'is a stream that is read already') : null;
}

/** Opens a source that is there already; null for a file of the host. */
export function openSent(operation: string, source: FileSource): OpenSource | null {
  // An iterator over a web stream cannot be ended while it waits, a stream of Node can.
  return openStream(operation, isWebStream(source) ? Readable.fromWeb(source) : source);
}

/** Ends the target of a download that failed; one that hangs, a pipe without a reader say, keeps nobody waiting. */
export async function endTarget(open: OpenTarget, target: FileTarget, error: unknown): Promise<void> {
  const ended = open.fail(error);
  if (typeof target === 'string' || target instanceof URL)
    await Promise.race([ended, delay(GRACE, undefined, { ref: false })]);
}

/** Takes apart the arguments of a function whose target may have been left out, which moves the others up. */
export function splitDownload(
  procedure: Procedure<void>,
  { name, position }: FileArgument,
  given: readonly unknown[],
): DownloadArguments | GuestfsError {
  const count = procedure.args.length;
  const target = given[position];
  const without = [...given.slice(0, position), ...given.slice(position + 1)];
  const aimed = isFileTarget(target);
  if (aimed || (target === undefined && given.length > position)) {
    return { args: without.slice(0, count), options: without[count], target: aimed ? target : undefined };
  }
  // Where nothing was left out, what is in the target's place is a mistake, and not one of the arguments after it.
  if (given.length > count + 1 || !mayBeOptions(given[count])) {
    return refused(procedure.name, name, 'must be a path, a file: URL or a writable stream, or be left out');
  }
  return { args: given.slice(0, count), options: given[count], target: undefined };
}

function isWebStream(value: unknown): value is ReadableStream<Uint8Array> {
  return typeof (value as { getReader?: unknown }).getReader === 'function';
}

function mayBeOptions(value: unknown): boolean {
  if (value === undefined) return true;
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value) as object | null;
  // Of any realm.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function refused(operation: string, argument: string, message: string): GuestfsError {
  return new GuestfsError('ERR_GUESTFS_ARGUMENT', `argument \`${argument}\` ${message}`, { operation });
}
