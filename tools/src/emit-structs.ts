import { sentence } from './describe.js';
import type { Spec } from './load.js';
import { camelCase, cName, pascalCase } from './naming.js';
import { comment, convertNames } from './prose.js';
import { fieldType } from './types.js';

/** structs.ts: an interface for each struct, and the descriptor by which it is decoded. */
export function emitStructs(spec: Spec): string {
  const known = new Set([
    ...spec.functions.keys(),
    ...spec.structs.flatMap((each) => each.fields.map((field) => field.name)),
  ]);
  const rename = (text: string): string =>
    convertNames(text, (name) => (known.has(name) ? camelCase(name) : undefined));
  const parts: string[] = [`import type { StructDescriptor } from '../wire/descriptors.js';\n`];
  for (const struct of spec.structs) {
    const type = pascalCase(struct.name);
    parts.push(comment('', [sentence(rename(struct.doc))]) + `export interface ${type} {`);
    for (const field of struct.fields) {
      parts.push(
        comment('  ', [sentence(rename(field.doc))]) + `  ${camelCase(field.name)}: ${fieldType(field.type)};`,
      );
    }
    parts.push('}\n');
  }
  parts.push('/** How each struct travels: its fields in wire order. */');
  parts.push('export const structs = {');
  for (const struct of spec.structs) {
    const name = camelCase(struct.name);
    parts.push(`  ${name}: {`, `    name: '${name}',`);
    if (cName(struct.name) !== '') parts.push(`    ${cName(struct.name)},`);
    parts.push('    fields: [');
    for (const field of struct.fields) {
      const properties = [`name: '${camelCase(field.name)}'`, cName(field.name), `type: '${field.type}'`];
      parts.push(`      { ${properties.filter(Boolean).join(', ')} },`);
    }
    parts.push('    ],', '  },');
  }
  parts.push('} as const satisfies Record<string, StructDescriptor>;\n');
  return parts.join('\n');
}
