import { Describer, isDownload, isSync } from './describe.js';
import { emitFields } from './emit-procedures.js';
import type { Spec, Topic } from './load.js';
import { argumentName, camelCase, pascalCase } from './naming.js';
import type { FunctionSpec } from './schema.js';
import { inputType, resultType } from './types.js';

/** A file of methods for each topic: a chain of abstract classes, and the options of their methods. */
export function emitMethods(spec: Spec): Map<string, string> {
  const describer = new Describer(spec);
  const files = new Map<string, string>();
  let parent = { name: 'MethodBase', file: '../call/base.js' };
  for (const topic of spec.topics) {
    const name = `${pascalCase(topic.name)}Methods`;
    const body = topic.functions.map((each) => emitMethod(each, describer));
    const interfaces = topic.functions.flatMap((each) => emitOptions(each, describer));
    const text = [
      ...interfaces,
      `/** ${topic.title}. */`,
      `export abstract class ${name} extends ${parent.name} {`,
      body.join('\n'),
      '}',
      '',
    ].join('\n');
    files.set(`methods/${topic.name}.ts`, `${emitImports(topic, text, parent)}\n${text}`);
    parent = { name, file: `./${topic.name}.js` };
  }
  files.set('methods.ts', emitTop(parent));
  files.set('options.ts', emitOptionExports(spec));
  files.set('signatures.ts', emitSignatures(spec));
  return files;
}

function emitImports(topic: Topic, text: string, parent: { name: string; file: string }): string {
  const structs = new Set(
    topic.functions.flatMap((each) => (each.returns?.struct === undefined ? [] : [pascalCase(each.returns.struct)])),
  );
  const uses = (name: string): boolean => new RegExp(`\\b${name}\\b`).test(text);
  const fromCore = ['CallOptions', 'DownloadOperation', 'GuestfsError', 'Operation', ...structs].filter(uses).sort();
  const lines: string[] = [];
  if (fromCore.length > 0) lines.push(importTypes(fromCore));
  if (uses('procedures')) lines.push(`import { procedures } from '@guestfs/core/internal';`);
  lines.push(`import { ${parent.name} } from '${parent.file.replace(/^\.\.\//, '../../')}';`);
  if (uses('FileSource')) lines.push(`import type { FileSource } from '../../files/sources.js';`);
  if (uses('FileTarget')) lines.push(`import type { FileTarget } from '../../files/targets.js';`);
  if (text.includes('{@link Guestfs.')) lines.push(`import type { Guestfs } from '../../guestfs.js';`);
  if (uses('library')) lines.push(`import * as library from '../../library/index.js';`);
  if (uses('signatures')) lines.push(`import { signatures } from '../signatures.js';`);
  return `${lines.join('\n')}\n`;
}

function importTypes(names: readonly string[]): string {
  const line = `import type { ${names.join(', ')} } from '@guestfs/core';`;
  if (line.length <= WIDTH) return line;
  return `import type {\n${names.map((name) => `  ${name},\n`).join('')}} from '@guestfs/core';`;
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
    const own = (each.options ?? []).length > 0;
    const list = `[${[...names, ...(own ? ['options ?? {}'] : [])].join(', ')}]`;
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
  if ((each.options ?? []).length > 0) return `${pascalCase(each.name)}Options`;
  return isSync(each) ? undefined : 'CallOptions';
}

function emitOptions(each: FunctionSpec, describer: Describer): string[] {
  if ((each.options ?? []).length === 0) return [];
  const base = isSync(each) ? '' : ' extends CallOptions';
  const fields = (each.options ?? []).map(
    (field) =>
      `${describer.option(each, field.doc, '  ')}  ${camelCase(field.name)}?: ${inputType(field)} | undefined;\n`,
  );
  const name = `${pascalCase(each.name)}Options`;
  const heading = `/** Optional arguments of {@link Guestfs.${camelCase(each.name)}}. */\n`;
  return [`${heading}export interface ${name}${base} {\n${fields.join('')}}\n`];
}

function emitTop(parent: { name: string; file: string }): string {
  return [
    `import { ${parent.name} } from '${parent.file.replace('./', './methods/')}';`,
    '',
    '/** Every function of the API as a method. */',
    `export abstract class GuestfsMethods extends ${parent.name} {}`,
    '',
  ].join('\n');
}

function emitOptionExports(spec: Spec): string {
  const lines = spec.topics.flatMap((topic) => {
    const names = topic.functions
      .filter((each) => (each.options ?? []).length > 0)
      .map((each) => `${pascalCase(each.name)}Options`);
    if (names.length === 0) return [];
    return [`export type {\n${names.map((name) => `  ${name},\n`).join('')}} from './methods/${topic.name}.js';`];
  });
  return `${lines.join('\n')}\n`;
}

/** What the library's own functions take, for checks and traces. */
function emitSignatures(spec: Spec): string {
  const entries = spec.topics.flatMap((topic) => topic.functions).filter((each) => each.proc === null);
  const lines = entries.map((each) => {
    const configOnly = each.flags?.includes('config_only') === true ? '    configOnly: true,\n' : '';
    return (
      `  ${camelCase(each.name)}: {\n    name: '${camelCase(each.name)}',\n    args: ${emitFields(each.args ?? [])},\n` +
      `    optargs: ${emitFields(each.options ?? [])},\n${configOnly}  },`
    );
  });
  return [
    `import type { Signature } from '../call/signature.js';`,
    '',
    '/** The arguments of each function that the library does by itself. */',
    'export const signatures = {',
    ...lines,
    '} as const satisfies Record<string, Signature>;',
    '',
  ].join('\n');
}
