import { argumentName, camelCase } from './naming.js';
import { comment, convertNames } from './prose.js';
import type { Spec } from './load.js';
import type { FunctionSpec } from './schema.js';
import { transferOf } from './types.js';

const SOURCES = 'A path or file: URL of the host, bytes, or a stream or async iterable of bytes.';
const TARGETS = 'A path or file: URL of the host, or a writable stream.';

/** Writes the doc comments of one spec's functions. */
export class Describer {
  readonly #fields: ReadonlySet<string>;

  constructor(private readonly spec: Spec) {
    this.#fields = new Set(spec.structs.flatMap((struct) => struct.fields.map((field) => field.name)));
  }

  /** The comment above a method. */
  method(each: FunctionSpec, indent: string): string {
    const blocks = [this.text(each, each.summary)];
    if (each.details !== undefined) blocks.push(this.text(each, each.details));
    if (each.group !== undefined) {
      blocks.push(
        `An appliance may lack it: \`featureAvailable(['${each.group}'])\` tells (feature group \`${each.group}\`).`,
      );
    }
    for (const argument of each.args ?? []) {
      const doc = this.text(each, sentence(argument.doc));
      const files = argument.type === 'filein' ? ` ${SOURCES}` : argument.type === 'fileout' ? ` ${TARGETS}` : '';
      blocks.push(`@param ${argumentName(argument.name)} ${doc}${files}`);
    }
    const own = (each.options ?? []).length > 0;
    if (!isSync(each)) {
      blocks.push(`@param options ${own ? 'Optional arguments, ' : ''}\`signal\` and \`onProgress\`.`);
    } else if (own) {
      blocks.push('@param options Optional arguments.');
    }
    if (each.returns !== undefined) blocks.push(`@returns ${this.text(each, sentence(each.returns.doc))}`);
    for (const { code, when } of each.errors ?? []) {
      blocks.push(
        `@throws {@link GuestfsError} \`${code}\` ${when === 'always' ? 'always' : `when ${this.text(each, when)}`}.`,
      );
    }
    if (each.deprecated !== undefined) blocks.push(`@deprecated ${this.replacement(each)}`);
    const see = (each.see ?? []).map((name) => link(each, name));
    if (see.length > 0) blocks.push(`@see ${see.join(', ')}`);
    blocks.push(`@since upstream ${each.since}`);
    return comment(indent, blocks);
  }

  /** The comment above the form of a download that hands out the bytes. */
  stream(each: FunctionSpec, indent: string): string {
    const file = (each.args ?? []).find((argument) => argument.type === 'fileout');
    const blocks = [
      this.text(each, each.summary),
      'Without a target, the operation itself is the stream of bytes: read it with `for await`, or take its `readable()`.',
    ];
    for (const argument of each.args ?? []) {
      if (argument === file) continue;
      blocks.push(`@param ${argumentName(argument.name)} ${this.text(each, sentence(argument.doc))}`);
    }
    const own = (each.options ?? []).length > 0 ? 'Optional arguments, ' : '';
    blocks.push(`@param options ${own}\`signal\` and \`onProgress\`.`, `@since upstream ${each.since}`);
    if (each.deprecated !== undefined) blocks.push(`@deprecated ${this.replacement(each)}`);
    return comment(indent, blocks);
  }

  /** The comment above an optional argument. */
  option(each: FunctionSpec, doc: string, indent: string): string {
    return comment(indent, [this.text(each, sentence(doc))]);
  }

  /** Prose of a function, with upstream's names turned into ours. */
  text(each: FunctionSpec, prose: string): string {
    const options = new Set((each.options ?? []).map((option) => option.name));
    const args = new Set((each.args ?? []).map((argument) => argument.name));
    return convertNames(prose, (name) => {
      if (args.has(name)) return argumentName(name);
      if (options.has(name) || this.spec.functions.has(name) || this.#fields.has(name)) return camelCase(name);
      return undefined;
    });
  }

  private replacement(each: FunctionSpec): string {
    if (typeof each.deprecated !== 'object') return 'There is no replacement.';
    return `Use ${link(each, each.deprecated.by)} instead.`;
  }
}

/** A method by its bare name, which editors find in the class; where an argument is called so too, by its full name. */
function link(each: FunctionSpec, to: string): string {
  const name = camelCase(to);
  const taken = (each.args ?? []).some((argument) => argumentName(argument.name) === name);
  return taken ? `{@link Guestfs.${name}}` : `{@link ${name}}`;
}

/** Whether a function returns at once, not as an operation. */
export function isSync(each: FunctionSpec): boolean {
  return each.flags?.includes('sync') ?? false;
}

/** Whether a method has an overload without the file to write. */
export function isDownload(each: FunctionSpec): boolean {
  return transferOf(each) === 'out';
}

/** A phrase as a sentence: its first letter raised, unless it starts with code, and a full stop at its end. */
export function sentence(text: string): string {
  const first = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?…]$/.test(first) ? first : `${first}.`;
}
