/** How an argument travels; `protocol` of upstream's documentation calls these XDR types. */
export type WireType = 'string' | 'key' | 'optstring' | 'stringlist' | 'bool' | 'int' | 'int64' | 'buffer';

export interface WireField {
  /** The name that users see, in camelCase. */
  readonly name: string;
  /** Upstream's name, where it is another. */
  readonly cName?: string;
  readonly type: WireType;
  /** A key or password: never shown in messages, traces or recordings. */
  readonly secret?: true;
}

export type StructFieldType =
  'char' | 'string' | 'device' | 'buffer' | 'uint32' | 'int32' | 'uint64' | 'int64' | 'bytes' | 'uuid' | 'optpercent';

export interface StructField {
  readonly name: string;
  /** Upstream's name, where it is another. */
  readonly cName?: string;
  readonly type: StructFieldType;
}

export interface StructDescriptor {
  readonly name: string;
  /** Upstream's name, where it is another. */
  readonly cName?: string;
  readonly fields: readonly StructField[];
}

export type WireReturn =
  | { readonly kind: 'void' | 'bool' | 'int' | 'int64' | 'string' | 'buffer' | 'stringlist' | 'hashtable' }
  | { readonly kind: 'struct' | 'structlist'; readonly struct: StructDescriptor };

/** A daemon function as it travels. Arguments that are files are not in `args`: `transfer` says which way they go. */
export interface Procedure<Result = unknown> {
  /** The method's name in camelCase. */
  readonly name: string;
  /** Upstream's name, where it is another. */
  readonly cName?: string;
  /** The procedure number on the wire. */
  readonly proc: number;
  readonly args: readonly WireField[];
  /** In wire order: the i-th is bit i of the bitmask. */
  readonly optargs: readonly WireField[];
  readonly returns: WireReturn;
  readonly transfer?: 'in' | 'out';
  /** Only for the type checker: what a reply decodes to. */
  readonly result?: Result;
}
