import { Describer, isDownload, isSync } from './describe.js';
import { emitFields, emitReturn } from './emit-procedures.js';
import type { Spec, Topic } from './load.js';
import { argumentName, camelCase, cName, pascalCase } from './naming.js';
import type { FunctionSpec } from './schema.js';
import { inputType, resultType } from './types.js';

/** The class of methods with a region for each topic, the options of the methods, and the library's own signatures. */
export function emitMethods(spec: Spec): Map<string, string> {
  const describer = new Describer(spec);
  return new Map([
    ['methods.ts', emitClass(spec, describer)],
    ['options.ts', emitAllOptions(spec, describer)],
    ['signatures.ts', emitSignatures(spec)],
    ['structs.ts', emitStructExports(spec)],
  ]);
}

function emitClass(spec: Spec, describer: Describer): string {
  const text = [
    '/** Every function of the API as a method. */',
    'export abstract class GuestfsMethods extends MethodBase {',
    spec.topics.map((topic) => emitRegion(topic, describer)).join('\n'),
    '}',
    '',
  ].join('\n');
  const functions = spec.topics.flatMap((topic) => topic.functions);
  const fromCore = ['CallOptions', 'DownloadOperation', 'GuestfsError', 'Operation', ...structsOf(spec)];
  const options = functions.filter(takesOptional).map(optionsName);
  return [
    importTypes(fromCore, '@guestfs/core'),
    `import { procedures } from '@guestfs/core/protocol';`,
    `import { MethodBase } from '../call/base.js';`,
    `import type { FileSource } from '../files/sources.js';`,
    `import type { FileTarget } from '../files/targets.js';`,
    `import * as library from '../library/index.js';`,
    importTypes(options, './options.js'),
    `import { signatures } from './signatures.js';`,
    '',
    text,
  ].join('\n');
}

/** The structs that methods return. */
function structsOf(spec: Spec): string[] {
  const returned = spec.topics.flatMap((topic) => topic.functions.map((each) => each.returns?.struct));
  return returned.filter((struct) => struct !== undefined).map(pascalCase);
}

/** The structs again, for those who use the methods. */
function emitStructExports(spec: Spec): string {
  return importTypes(structsOf(spec), '@guestfs/core').replace('import', 'export') + '\n';
}

/** The methods of a topic, which editors fold. */
function emitRegion(topic: Topic, describer: Describer): string {
  const methods = topic.functions.map((each) => emitMethod(each, describer));
  return `  // #region ${topic.title}\n\n${methods.join('\n')}\n  // #endregion\n`;
}

function importTypes(names: readonly string[], from: string): string {
  const sorted = [...new Set(names)].sort();
  const line = `import type { ${sorted.join(', ')} } from '${from}';`;
  if (line.length <= WIDTH) return line;
  return `import type {\n${sorted.map((name) => `  ${name},\n`).join('')}} from '${from}';`;
}

function emitMethod(each: FunctionSpec, describer: Describer): string {
  const name = camelCase(each.name);
  const comment = describer.method(each, '  ');
  const parameters = (each.args ?? []).map((field) => ({ name: argumentName(field.name), type: inputType(field) }));
  const optionsType = optionsOf(each);
  const takesOptions = optionsType !== undefined;
  const declared = parameters.map((parameter) => `${parameter.name}: ${parameter.type}`);
  if (takesOptions) declared.push(`options?: ${optionsType}`);
  const result = resultType(each.returns);
  if (isDownload(each) && each.proc !== null) return emitDownload(each, describer, declared, comment);
  const names = parameters.map((parameter) => parameter.name);

  if (each.proc === null) {
    const list = `[${[...names, ...(takesOptional(each) ? ['options ?? {}'] : [])].join(', ')}]`;
    if (isSync(each)) {
      return method(comment, name, declared, result, `this.callSync(signatures.${name}, library.${name}, ${list})`);
    }
    const call = `this.callLibrary(signatures.${name}, library.${name}, ${list}, options)`;
    return method(comment, name, declared, `Operation<${result}>`, call);
  }
  const source = (each.args ?? []).find((field) => field.type === 'filein');
  const sent = (each.args ?? []).filter((field) => field !== source).map((field) => argumentName(field.name));
  const call =
    source === undefined
      ? `this.callDaemon(procedures.${name}, [${sent.join(', ')}], options)`
      : `this.callUpload(procedures.${name}, '${argumentName(source.name)}', ${argumentName(source.name)}, [${sent.join(', ')}], options)`;
  return method(comment, name, declared, `Operation<${result}>`, call);
}

function method(comment: string, name: string, parameters: string[], result: string, call: string): string {
  return `${comment}  ${name}${list(name, parameters, `: ${result} {`)}\n    return ${broken(call)};\n  }\n`;
}

const WIDTH = 120;

/** A list of parameters and what follows it, on one line where it fits. */
function list(name: string, parameters: string[], after: string): string {
  const line = `(${parameters.join(', ')})${after}`;
  if (2 + name.length + line.length <= WIDTH) return line;
  return `(\n${parameters.map((parameter) => `    ${parameter},\n`).join('')}  )${after}`;
}

/** A call with its arguments on lines of their own where it is long. */
function broken(call: string): string {
  if (call.length + 12 <= WIDTH) return call;
  const [, head = '', rest = ''] = /^([^(]+)\((.*)\)$/s.exec(call) ?? [];
  const args = rest.split(/, (?![^[]*\])/);
  return `${head}(\n${args.map((argument) => `      ${argument},\n`).join('')}    )`;
}

/** Two overloads: one that writes to a target, and one that is read as a stream. */
function emitDownload(each: FunctionSpec, describer: Describer, declared: string[], comment: string): string {
  const name = camelCase(each.name);
  const position = (each.args ?? []).findIndex((field) => field.type === 'fileout');
  const without = declared.filter((_, i) => i !== position);
  const target = `{ name: '${argumentName(each.args?.[position]?.name ?? '')}', position: ${position} }`;
  return [
    `${comment}  ${name}${list(name, declared, ': Operation<void>;')}\n`,
    `${describer.stream(each, '  ')}  ${name}${list(name, without, ': DownloadOperation<void>;')}\n`,
    `  ${name}(...args: unknown[]): Operation<void> | DownloadOperation<void> {\n`,
    `    return this.callDownload(procedures.${name}, ${target}, args);\n  }\n`,
  ].join('');
}

/** The type of the last parameter; undefined where there is none. */
function optionsOf(each: FunctionSpec): string | undefined {
  if (takesOptional(each)) return optionsName(each);
  return isSync(each) ? undefined : 'CallOptions';
}

function takesOptional(each: FunctionSpec): boolean {
  return (each.options ?? []).length > 0;
}

function optionsName(each: FunctionSpec): string {
  return `${pascalCase(each.name)}Options`;
}

/** An interface for each function with optional arguments. */
function emitAllOptions(spec: Spec, describer: Describer): string {
  const functions = spec.topics.flatMap((topic) => topic.functions).filter(takesOptional);
  const interfaces = functions.map((each) => emitOptions(each, describer));
  return [importTypes(['CallOptions'], '@guestfs/core'), '', interfaces.join('\n')].join('\n');
}

function emitOptions(each: FunctionSpec, describer: Describer): string {
  const base = isSync(each) ? '' : ' extends CallOptions';
  const fields = (each.options ?? []).map(
    (field) =>
      `${describer.option(each, field.doc, '  ')}  ${camelCase(field.name)}?: ${inputType(field)} | undefined;\n`,
  );
  const heading = `/** Optional arguments of {@link Guestfs.${camelCase(each.name)}}. */\n`;
  return `${heading}export interface ${optionsName(each)}${base} {\n${fields.join('')}}\n`;
}

/** What the library's own functions take, for checks and traces. */
function emitSignatures(spec: Spec): string {
  const entries = spec.topics.flatMap((topic) => topic.functions).filter((each) => each.proc === null);
  const lines = entries.map((each) => {
    const configOnly = each.flags?.includes('config_only') === true ? '    configOnly: true,\n' : '';
    const upstream = cName(each.name) === '' ? '' : `    ${cName(each.name)},\n`;
    return (
      `  ${camelCase(each.name)}: {\n    name: '${camelCase(each.name)}',\n${upstream}` +
      `    args: ${emitFields(each.args ?? [])},\n    optargs: ${emitFields(each.options ?? [])},\n` +
      `    returns: ${emitReturn(each)},\n${configOnly}  },`
    );
  });
  return [
    `import { structs } from '@guestfs/core/protocol';`,
    `import type { Signature } from '../call/signature.js';`,
    '',
    '/** The arguments and result of each function that the library does by itself. */',
    'export const signatures = {',
    ...lines,
    '} as const satisfies Record<string, Signature>;',
    '',
  ].join('\n');
}
