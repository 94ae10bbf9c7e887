import { comment } from './prose.js';
import { camelCase, pascalCase } from './naming.js';
import type { Spec } from './load.js';
import { fieldType } from './types.js';

/** structs.ts: an interface for each struct, and the descriptor by which it is decoded. */
export function emitStructs(spec: Spec): string {
  const parts: string[] = [`import type { StructDescriptor } from '../protocol/descriptors.js';\n`];
  for (const struct of spec.structs) {
    const type = pascalCase(struct.name);
    parts.push(comment('', [sentence(struct.doc)]) + `export interface ${type} {`);
    for (const field of struct.fields) {
      parts.push(comment('  ', [sentence(field.doc)]) + `  ${camelCase(field.name)}: ${fieldType(field.type)};`);
    }
    parts.push('}\n');
  }
  parts.push('/** How each struct travels: its fields in wire order. */');
  parts.push('export const structs = {');
  for (const struct of spec.structs) {
    const name = camelCase(struct.name);
    parts.push(`  ${name}: {`, `    name: '${name}',`, '    fields: [');
    for (const field of struct.fields) parts.push(`      { name: '${camelCase(field.name)}', type: '${field.type}' },`);
    parts.push('    ],', '  },');
  }
  parts.push('} as const satisfies Record<string, StructDescriptor>;\n');
  return parts.join('\n');
}

function sentence(text: string): string {
  const first = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(first) ? first : `${first}.`;
}
