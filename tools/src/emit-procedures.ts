import type { Spec } from './load.js';
import { camelCase, cName, pascalCase } from './naming.js';
import type { ArgumentSpec, FunctionSpec, OptionSpec } from './schema.js';
import { resultType, transferOf } from './types.js';

/** procedures.ts: a descriptor for every function that the daemon answers, in the order of their numbers. */
export function emitProcedures(spec: Spec): string {
  const all = [...spec.functions.values()].filter((each) => each.proc !== null);
  all.sort((a, b) => (a.proc ?? 0) - (b.proc ?? 0));
  const used = new Set(
    all.flatMap((each) => (each.returns?.struct === undefined ? [] : [pascalCase(each.returns.struct)])),
  );
  const lines = [
    `import type { Procedure } from '../wire/descriptors.js';`,
    `import { structs } from './structs.js';`,
    `import type {`,
    ...[...used].sort().map((name) => `  ${name},`),
    `} from './structs.js';`,
    '',
    '/** Gives a descriptor the type that its reply decodes to, and checks its shape. */',
    'function define<Result>(procedure: Procedure<Result>): Procedure<Result> {',
    '  return procedure;',
    '}',
    '',
    '/** Every procedure of the daemon, by its name in camelCase. */',
    'export const procedures = {',
    ...all.map(emitProcedure),
    '};',
    '',
  ];
  return lines.join('\n');
}

function emitProcedure(spec: FunctionSpec): string {
  const name = camelCase(spec.name);
  const transfer = transferOf(spec);
  return [
    `  ${name}: define<${resultType(spec.returns)}>({`,
    `    name: '${name}',`,
    ...(cName(spec.name) === '' ? [] : [`    ${cName(spec.name)},`]),
    `    proc: ${spec.proc},`,
    `    args: ${emitFields(spec.args ?? [])},`,
    `    optargs: ${emitFields(spec.options ?? [])},`,
    `    returns: ${emitReturn(spec)},`,
    ...(transfer === undefined ? [] : [`    transfer: '${transfer}',`]),
    '  }),',
  ].join('\n');
}

/** The fields that travel in the message: files travel on their own. */
export function emitFields(fields: readonly (ArgumentSpec | OptionSpec)[], indent = '    '): string {
  const items = fields
    .filter((field) => field.type !== 'filein' && field.type !== 'fileout')
    .map((field) => {
      const properties = [`name: '${camelCase(field.name)}'`, cName(field.name), `type: '${wireType(field)}'`];
      if (field.secret === true) properties.push('secret: true');
      return `{ ${properties.filter(Boolean).join(', ')} }`;
    });
  const line = `[${items.join(', ')}]`;
  if (line.length <= 90) return line;
  return `[\n${items.map((item) => `${indent}  ${item},\n`).join('')}${indent}]`;
}

/** On the wire a key is a string, but it may be given as bytes. */
function wireType(field: ArgumentSpec | OptionSpec): string {
  return 'of' in field && field.of === 'key' ? 'key' : field.type;
}

/** What a function gives back, as a descriptor. */
export function emitReturn(spec: FunctionSpec): string {
  const result = spec.returns;
  if (result === undefined) return `{ kind: 'void' }`;
  if (result.struct !== undefined) return `{ kind: '${result.type}', struct: structs.${camelCase(result.struct)} }`;
  return `{ kind: '${result.type}' }`;
}
