import type { CallOptions, WireReturn, WireType } from '@guestfs/core';

/** An argument as the checks see it. `pointer` stands for what only C code has. */
export interface SignatureField {
  readonly name: string;
  /** Upstream's name, where it is another. */
  readonly cName?: string;
  readonly type: WireType | 'pointer';
  readonly secret?: true;
}

/** The arguments of a function, be it the daemon's or the library's. */
export interface Signature {
  readonly name: string;
  /** Upstream's name, where it is another. */
  readonly cName?: string;
  readonly args: readonly SignatureField[];
  readonly optargs: readonly SignatureField[];
  readonly returns: WireReturn | { readonly kind: 'optstring' };
  /** Refused once the handle is launched. */
  readonly configOnly?: true;
}

export type OptionalArguments = Readonly<Record<string, unknown>>;

/** The optional arguments among the options of a call; undefined where the function has none. */
export function pickOptional(signature: Signature, options: CallOptions | undefined): OptionalArguments | undefined {
  if (options === undefined || signature.optargs.length === 0) return undefined;
  const picked: Record<string, unknown> = {};
  for (const { name } of signature.optargs) {
    const value = (options as OptionalArguments)[name];
    if (value !== undefined) picked[name] = value;
  }
  return picked;
}

/** What is left of the options for the call itself, so that an argument named `size` is not taken for the call's own. */
export function pickCallOptions(signature: Signature, options: CallOptions | undefined): CallOptions | undefined {
  if (options === undefined || signature.optargs.length === 0) return options;
  return { signal: options.signal, onProgress: options.onProgress };
}
