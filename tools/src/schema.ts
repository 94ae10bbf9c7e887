import { z } from 'zod';

const name = z.string().regex(/^[a-z][a-zA-Z0-9]*(_[a-zA-Z0-9]+)*$/);
const prose = z.string().trim().min(2);
const version = z.string().regex(/^\d+\.\d+\.\d+$/);

/** What a string argument or result means; only documentation and checks use it, on the wire they are all strings. */
const refinement = z.enum([
  'device',
  'mountable',
  'pathname',
  'key',
  'guid',
  'filename',
  'dev_or_path',
  'mountable_or_path',
]);

const argument = z.strictObject({
  name,
  type: z.enum(['string', 'optstring', 'stringlist', 'bool', 'int', 'int64', 'buffer', 'filein', 'fileout', 'pointer']),
  of: refinement.optional(),
  /** A key or password: hidden in messages, traces and recordings. */
  secret: z.literal(true).optional(),
  doc: prose,
});

const option = z.strictObject({
  name,
  type: z.enum(['string', 'stringlist', 'bool', 'int', 'int64']),
  secret: z.literal(true).optional(),
  doc: prose,
});

const result = z.strictObject({
  type: z.enum([
    'bool',
    'int',
    'int64',
    'string',
    'optstring',
    'buffer',
    'stringlist',
    'hashtable',
    'struct',
    'structlist',
  ]),
  of: refinement.optional(),
  key: refinement.optional(),
  value: refinement.optional(),
  struct: name.optional(),
  doc: prose,
});

export const functionSchema = z.strictObject({
  name,
  /** The procedure number on the wire; null where the library does the work. */
  proc: z.int().positive().nullable(),
  /** The upstream version that added it. */
  since: version,
  /** The optional feature group that an appliance may lack. */
  group: z.string().optional(),
  deprecated: z.union([z.literal(true), z.strictObject({ by: name })]).optional(),
  flags: z
    .array(z.enum(['sync', 'config_only', 'progress', 'cancellable', 'protocol_limit_warning', 'once_had_no_optargs']))
    .optional(),
  summary: prose,
  details: prose.optional(),
  args: z.array(argument).optional(),
  options: z.array(option).optional(),
  returns: result.optional(),
  errors: z.array(z.strictObject({ code: z.string().regex(/^[A-Z0-9_]+$/), when: prose })).optional(),
  see: z.array(name).optional(),
});

export const topicSchema = z.strictObject({ functions: z.array(functionSchema).min(1) });

const structField = z.strictObject({
  name,
  type: z.enum([
    'char',
    'string',
    'device',
    'buffer',
    'uint32',
    'int32',
    'uint64',
    'int64',
    'bytes',
    'uuid',
    'optpercent',
  ]),
  doc: prose,
});

export const structsSchema = z.strictObject({
  structs: z.array(
    z.strictObject({
      name,
      /** Travels on the wire only: no method returns it. */
      internal: z.literal(true).optional(),
      doc: prose,
      fields: z.array(structField).min(1),
    }),
  ),
});

export const indexSchema = z.strictObject({
  /** Of this description's own shape and content. */
  version,
  /** The upstream version whose signatures it describes. */
  upstream: z.string(),
  /** Topics in the order of the documentation; each is a file of functions/. `internal` is what only the SDK calls. */
  topics: z.array(z.strictObject({ name: z.string().regex(/^[a-z]+$/), title: prose })),
});

export type FunctionSpec = z.infer<typeof functionSchema>;
export type ArgumentSpec = z.infer<typeof argument>;
export type OptionSpec = z.infer<typeof option>;
export type ResultSpec = z.infer<typeof result>;
export type StructSpec = z.infer<typeof structsSchema>['structs'][number];
export type IndexSpec = z.infer<typeof indexSchema>;
