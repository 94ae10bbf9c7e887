import { fileURLToPath } from 'node:url';
import type { StructDescriptor, StructFieldType } from '@guestfs/core';
import type { OptionalArguments, Signature, SignatureField } from './signature.js';

/** The most bytes of a buffer that are shown, as many as upstream shows. */
const BUFFER_MAX = 256;
/** The characters of a line beyond which a list or a text is cut; upstream knows no such limit. */
const LINE_MAX = 1024 * 1024;

/** What stands for the file of a call, and where among the arguments. */
export interface TracedFile {
  readonly position: number;
  readonly file: unknown;
}

/**
 * The trace line of a call, with upstream's names and in its form: `mkfs "ext4" "/dev/sda1" "blocksize:4096"`.
 *
 * Keys, passwords and secret options are shown as `***`.
 */
export function formatCall(
  signature: Signature,
  args: readonly unknown[],
  options?: OptionalArguments,
  file?: TracedFile,
): string {
  const shown = signature.args.map((field, i) => formatArgument(field, args[i]));
  if (file !== undefined) shown.splice(file.position, 0, quote(nameOfFile(file.file)));
  for (const field of signature.optargs) {
    const value = options?.[field.name];
    if (value === undefined) continue;
    shown.push(`"${cNameOf(field)}:${field.secret === true ? '***' : bare(value)}"`);
  }
  return [cNameOf(signature), ...shown].join(' ');
}

/** The trace line of a call that ended: `pvs = ["/dev/sda1"]`. */
export function formatResult(signature: Signature, value: unknown): string {
  return `${cNameOf(signature)} = ${formatReturn(signature, value)}`;
}

/** The trace line of a call that failed: `mkfs = -1 (error)`, or `pvs = NULL (error)` where no number is returned. */
export function formatFailure(signature: Signature): string {
  const isNumber = ['void', 'bool', 'int', 'int64'].includes(signature.returns.kind);
  return `${cNameOf(signature)} = ${isNumber ? '-1' : 'NULL'} (error)`;
}

function formatArgument(field: SignatureField, value: unknown): string {
  if (field.secret === true) return '"***"';
  switch (field.type) {
    case 'string':
      return quote(String(value));
    case 'optstring':
      return value === null ? 'null' : quote(value as string);
    case 'stringlist':
      return `"${cut((value as readonly string[]).join(' '))}"`;
    case 'buffer':
      return quoteBytes(value as ArrayBufferView | string);
    case 'pointer':
      return '(pointer)';
    default:
      return String(value);
  }
}

function formatReturn({ returns }: Signature, value: unknown): string {
  switch (returns.kind) {
    case 'void':
      return '0';
    case 'bool':
      return value === true ? '1' : '0';
    case 'string':
      return quote(String(value));
    case 'optstring':
      return quote(value === null ? 'NULL' : (value as string));
    case 'buffer':
      return quoteBytes(value as Buffer);
    case 'stringlist':
      return `[${join(value as readonly string[], ', ', quote)}]`;
    case 'hashtable':
      return `[${join(Object.entries(value as Record<string, string>).flat(), ', ', quote)}]`;
    case 'struct':
      return `<struct guestfs_${cNameOf(returns.struct)} = ${formatFields(returns.struct, value)}>`;
    case 'structlist':
      return formatStructs(returns.struct, value as readonly unknown[]);
    default:
      return String(value);
  }
}

function formatStructs(struct: StructDescriptor, values: readonly unknown[]): string {
  const items = join(values, ' ', (value, i) => `[${i}]{${formatFields(struct, value)}}`);
  return `<struct guestfs_${cNameOf(struct)}_list(${values.length})${values.length > 0 ? ' = ' : ''}${items}>`;
}

function formatFields({ fields }: StructDescriptor, value: unknown): string {
  return fields
    .map((field) => `${cNameOf(field)}: ${formatField(field.type, (value as Record<string, unknown>)[field.name])}, `)
    .join('');
}

function formatField(type: StructFieldType, value: unknown): string {
  if (type === 'buffer') return escape(value as Buffer);
  if (type !== 'optpercent') return String(value);
  return value === null ? '' : `${Number((value as number).toPrecision(6))} %`;
}

function quote(text: string): string {
  return `"${cut(text)}"`;
}

function quoteBytes(given: ArrayBufferView | string): string {
  const bytes =
    typeof given === 'string' ? Buffer.from(given) : Buffer.from(given.buffer, given.byteOffset, given.byteLength);
  const more = bytes.length > BUFFER_MAX ? `<truncated, original size ${bytes.length} bytes>` : '';
  return `"${escape(bytes.subarray(0, BUFFER_MAX))}"${more}`;
}

/** Printable ASCII as it is, the rest as `\x1b`. */
function escape(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) {
    text += byte >= 0x20 && byte <= 0x7e ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`;
  }
  return text;
}

function join<Item>(items: readonly Item[], separator: string, format: (item: Item, i: number) => string): string {
  let text = '';
  for (const [i, item] of items.entries()) {
    if (text.length > LINE_MAX) return `${text}<truncated, ${items.length} in all>`;
    text += `${i === 0 ? '' : separator}${format(item, i)}`;
  }
  return text;
}

function cut(text: string): string {
  return text.length <= LINE_MAX ? text : `${text.slice(0, LINE_MAX)}<truncated, ${text.length} characters in all>`;
}

function bare(value: unknown): string {
  return cut(Array.isArray(value) ? value.join(' ') : String(value));
}

/** Where upstream has a file name there may be bytes or a stream here. */
function nameOfFile(file: unknown): string {
  if (typeof file === 'string') return file;
  if (ArrayBuffer.isView(file)) return `<${file.byteLength} bytes>`;
  const { protocol, href } = (file ?? {}) as Partial<URL>;
  if (href === undefined) return '<stream>';
  return protocol === 'file:' ? fileURLToPath(href) : href;
}

function cNameOf({ name, cName }: { readonly name: string; readonly cName?: string }): string {
  return cName ?? name;
}
