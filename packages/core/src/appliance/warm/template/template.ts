import { z } from 'zod';

/** The name of the appliance's root in a template: the file itself, by a link, or a copy. */
export const ROOT_FILE = 'root';
/** The files of a template: the machine's memory, its other state, what it wrote to the appliance's root, and that root. */
export const TEMPLATE_FILES = ['ram', 'state', 'root.qcow2', ROOT_FILE] as const;
export type TemplateFile = (typeof TEMPLATE_FILES)[number];

const file = z.object({ size: z.number(), hash: z.string() });

/** Written when a template is made, and never changed. */
export const manifestSchema = z.object({
  format: z.literal(2),
  key: z.string(),
  created: z.string(),
  /** qemu's first line about its version, for people. */
  qemu: z.string(),
  files: z.object({ ram: file, state: file, 'root.qcow2': file, [ROOT_FILE]: file }),
});
export type Manifest = z.infer<typeof manifestSchema>;

/** What the files looked like when their hashes were last found right, and in which boot of the host that was. */
export const sealSchema = z.object({ boot: z.string(), files: z.record(z.string(), z.string()) });
export type Seal = z.infer<typeof sealSchema>;

/** A template that was checked and can be used. */
export interface Template {
  readonly key: string;
  readonly folder: string;
  /** Tells the folder from another that comes to its place. */
  readonly identity: string;
}
