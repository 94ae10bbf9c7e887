import { decodeText, encodeEscaped } from '@guestfs/core/protocol';

/** A path in the guest: a string, its bytes, or a file: URL. One that is not absolute is taken from `/`. */
export type PathLike = string | Uint8Array | URL;

/** How names are returned: as strings, or as the bytes they are. */
export type NameEncoding = BufferEncoding | 'buffer' | null | undefined;

/** Options of a function that returns a name as text. */
export type TextOptions = BufferEncoding | { readonly encoding?: BufferEncoding | null | undefined } | null | undefined;

/** Options of a function that returns a name as the bytes it is. */
export type BufferOptions = 'buffer' | { readonly encoding: 'buffer' };

/** The encoding in options that are an encoding or an object holding one. */
export function encodingOf(options: unknown): NameEncoding {
  if (typeof options === 'string') return options as NameEncoding;
  return (options as { encoding?: NameEncoding } | null | undefined)?.encoding;
}

/** A path as the daemon takes it. Throws like node:fs for what is no path. */
export function toGuestPath(path: unknown, name = 'path'): string {
  const text = toText(path, name);
  if (text.includes('\0')) {
    throw invalid(
      'ERR_INVALID_ARG_VALUE',
      `The argument '${name}' must be a string, Uint8Array, or URL without null bytes.`,
    );
  }
  if (text === '') return '';
  return text.startsWith('/') ? text : `/${text}`;
}

function toText(path: unknown, name: string): string {
  if (typeof path === 'string') return path;
  if (path instanceof Uint8Array) return bytesToName(path);
  if (path instanceof URL) return urlToName(path);
  throw invalid(
    'ERR_INVALID_ARG_TYPE',
    `The "${name}" argument must be of type string or an instance of Buffer or URL.`,
  );
}

/** The guest is a Linux system, so this does not depend on the host's rules, as node:url's function does. */
function urlToName(url: URL): string {
  if (url.protocol !== 'file:') throw invalid('ERR_INVALID_URL_SCHEME', 'The URL must be of scheme file');
  const bytes = url.pathname.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
  return bytesToName(Buffer.from(bytes, 'latin1'));
}

/** The string that stands for a name's bytes; bytes that are not UTF-8 become lone surrogates. */
export function bytesToName(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return decodeText(buffer, 0, buffer.length);
}

/** A name in the encoding that the caller asked for. */
export function encodeName(name: string, encoding: NameEncoding): string | Buffer {
  if (encoding === undefined || encoding === null || encoding === 'utf8' || encoding === 'utf-8') return name;
  const bytes = encodeEscaped(name) ?? Buffer.from(name);
  return encoding === 'buffer' ? bytes : bytes.toString(encoding);
}

/** Joins a directory and a name. */
export function joinPath(directory: string, name: string): string {
  return directory.endsWith('/') ? directory + name : `${directory}/${name}`;
}

/** The directory that a path's last name is in. */
export function parentOf(path: string): string {
  const trimmed = path.replace(/\/+$/, '');
  return trimmed.slice(0, Math.max(1, trimmed.lastIndexOf('/')));
}

/** The last name of a path. */
export function nameOf(path: string): string {
  const trimmed = path.replace(/\/+$/, '');
  return trimmed.slice(trimmed.lastIndexOf('/') + 1);
}

/** An error as node:fs throws for arguments. */
export function invalid(code: string, message: string): TypeError {
  return Object.assign(new TypeError(message), { code });
}
