/** `lvm_canonical_lv_name` → `lvmCanonicalLvName`. */
export function camelCase(name: string): string {
  return name.replace(/_([a-zA-Z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** `lvm_pv` → `LvmPv`. */
export function pascalCase(name: string): string {
  const camel = camelCase(name);
  return camel.charAt(0).toUpperCase() + camel.slice(1);
}

/** Argument names that a method in strict mode, or our own last parameter, takes. */
const TAKEN: Record<string, string> = { arguments: 'argv', options: 'mountOptions' };

/** The name of a required argument in the method's signature. */
export function argumentName(name: string): string {
  return TAKEN[name] ?? camelCase(name);
}

/** The property that carries upstream's name in a descriptor, empty where a method or field has the same. */
export function cName(name: string): string {
  return camelCase(name) === name ? '' : `cName: '${name}'`;
}
