import { pascalCase } from './naming.js';
import type { ArgumentSpec, FunctionSpec, OptionSpec, ResultSpec, StructSpec } from './schema.js';

/** The TypeScript type of an argument or option. */
export function inputType(field: ArgumentSpec | OptionSpec): string {
  if ('of' in field && field.of === 'key') return 'string | Uint8Array';
  return {
    string: 'string',
    optstring: 'string | null',
    stringlist: 'readonly string[]',
    bool: 'boolean',
    int: 'number',
    int64: 'bigint | number',
    buffer: 'Uint8Array | string',
    filein: 'FileSource',
    fileout: 'FileTarget',
    pointer: 'unknown',
  }[field.type];
}

/** The TypeScript type that a call resolves to. */
export function resultType(result: ResultSpec | undefined): string {
  if (result === undefined) return 'void';
  const struct = result.struct === undefined ? '' : pascalCase(result.struct);
  return {
    bool: 'boolean',
    int: 'number',
    int64: 'bigint',
    string: 'string',
    optstring: 'string | null',
    buffer: 'Buffer',
    stringlist: 'string[]',
    hashtable: 'Record<string, string>',
    struct,
    structlist: `${struct}[]`,
  }[result.type];
}

/** The TypeScript type of a struct's field. */
export function fieldType(type: StructSpec['fields'][number]['type']): string {
  return {
    char: 'string',
    string: 'string',
    device: 'string',
    buffer: 'Buffer',
    uint32: 'number',
    int32: 'number',
    uint64: 'bigint',
    int64: 'bigint',
    bytes: 'bigint',
    uuid: 'string',
    optpercent: 'number | null',
  }[type];
}

/** Which way a file travels, if any. */
export function transferOf(spec: FunctionSpec): 'in' | 'out' | undefined {
  for (const argument of spec.args ?? []) {
    if (argument.type === 'filein') return 'in';
    if (argument.type === 'fileout') return 'out';
  }
  return undefined;
}
