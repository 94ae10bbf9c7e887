/** A qemu option and its value; null for an option that stands alone (the driver in `-device scsi-hd,…`). */
export type QemuOption = readonly [key: string, value: string | null];

/**
 * Writes options in the form that `-drive`, `-device` and `-object` take.
 *
 * A comma in a value is doubled: left as it is, the rest of the value would be read as further options.
 */
export function formatOptions(options: readonly QemuOption[]): string {
  return options.map(([key, value]) => (value === null ? double(key) : `${key}=${double(value)}`)).join(',');
}

function double(text: string): string {
  return text.replaceAll(',', ',,');
}
