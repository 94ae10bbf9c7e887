import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { z } from 'zod';
import { functionSchema, indexSchema, structsSchema, topicSchema } from './schema.js';
import type { FunctionSpec, IndexSpec, StructSpec } from './schema.js';

export interface Topic {
  readonly name: string;
  readonly title: string;
  readonly functions: readonly FunctionSpec[];
}

/** The whole description: checked file by file, then against itself. */
export interface Spec {
  readonly index: IndexSpec;
  /** The user's API, in the order of the index. */
  readonly topics: readonly Topic[];
  /** What only the SDK itself calls. */
  readonly internal: readonly FunctionSpec[];
  readonly structs: readonly StructSpec[];
  readonly functions: ReadonlyMap<string, FunctionSpec>;
}

/** Reads the description from a folder, or throws with every mistake found, a line each. */
export function loadSpec(folder: string): Spec {
  const mistakes: string[] = [];
  const index = readYaml(join(folder, 'index.yaml'), indexSchema, mistakes);
  const structs = readYaml(join(folder, 'structs.yaml'), structsSchema, mistakes)?.structs ?? [];
  const topics: Topic[] = [];
  const files = new Set(readdirSync(join(folder, 'functions')));
  for (const { name, title } of index?.topics ?? []) {
    const file = `${name}.yaml`;
    if (!files.delete(file)) mistakes.push(`functions/${file}: missing, although the index names it`);
    else topics.push({ name, title, functions: readTopic(join(folder, 'functions', file), mistakes) });
  }
  for (const file of files) mistakes.push(`functions/${file}: not in the index`);
  if (index === undefined || mistakes.length > 0) throw new Error(mistakes.join('\n'));

  const functions = new Map<string, FunctionSpec>();
  for (const topic of topics) {
    for (const spec of topic.functions) {
      if (functions.has(spec.name)) mistakes.push(`${spec.name}: described twice`);
      functions.set(spec.name, spec);
    }
  }
  mistakes.push(...crossCheck(functions, structs));
  if (mistakes.length > 0) throw new Error(mistakes.join('\n'));
  return {
    index,
    topics: topics.filter((topic) => topic.name !== 'internal'),
    internal: topics.find((topic) => topic.name === 'internal')?.functions ?? [],
    structs,
    functions,
  };
}

function readTopic(path: string, mistakes: string[]): FunctionSpec[] {
  const topic = parseYaml(path, mistakes) as { functions?: unknown[] } | undefined;
  const list = Array.isArray(topic?.functions) ? topic.functions : [];
  const before = mistakes.length;
  // One by one, so that a mistake is told with the function's name and not with its index.
  for (const item of list) check(item, functionSchema, `${path}: ${(item as { name?: string }).name ?? '?'}`, mistakes);
  return mistakes.length > before ? [] : topicSchema.parse(topic).functions;
}

function readYaml<T>(path: string, schema: z.ZodType<T>, mistakes: string[]): T | undefined {
  return check(parseYaml(path, mistakes), schema, path, mistakes);
}

function parseYaml(path: string, mistakes: string[]): unknown {
  try {
    return parse(readFileSync(path, 'utf8'));
  } catch (error) {
    mistakes.push(`${path}: ${(error as Error).message}`);
    return undefined;
  }
}

function check<T>(value: unknown, schema: z.ZodType<T>, where: string, mistakes: string[]): T | undefined {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  for (const issue of result.error.issues) mistakes.push(`${where}: ${issue.path.join('.')}: ${issue.message}`);
  return undefined;
}

function crossCheck(functions: ReadonlyMap<string, FunctionSpec>, structs: readonly StructSpec[]): string[] {
  const mistakes: string[] = [];
  const structNames = new Set(structs.map((struct) => struct.name));
  const numbers = new Map<number, string>();
  const summaries = new Map<string, string>();
  for (const spec of functions.values()) {
    const say = (text: string): number => mistakes.push(`${spec.name}: ${text}`);
    if (spec.proc !== null) {
      const other = numbers.get(spec.proc);
      if (other !== undefined) say(`procedure ${spec.proc} is also ${other}'s`);
      numbers.set(spec.proc, spec.name);
    }
    const twin = summaries.get(spec.summary);
    if (twin !== undefined) say(`has the summary of ${twin}`);
    summaries.set(spec.summary, spec.name);
    const names = [...(spec.args ?? []), ...(spec.options ?? [])].map((field) => field.name);
    if (new Set(names).size !== names.length) say('an argument is named twice');
    const files = (spec.args ?? []).filter((argument) => argument.type === 'filein' || argument.type === 'fileout');
    if (files.length > 1) say('more than one file argument');
    const struct = spec.returns?.struct;
    const wantsStruct = spec.returns?.type === 'struct' || spec.returns?.type === 'structlist';
    if (wantsStruct !== (struct !== undefined)) say('`struct` goes with struct and structlist only');
    if (struct !== undefined && !structNames.has(struct)) say(`unknown struct ${struct}`);
    const replacement = typeof spec.deprecated === 'object' ? [spec.deprecated.by] : [];
    for (const other of [...replacement, ...(spec.see ?? [])]) {
      if (!functions.has(other)) say(`refers to ${other}, which is not described`);
    }
  }
  return mistakes;
}
