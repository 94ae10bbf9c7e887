/** The name in the appliance of the disk with that index: sda, …, sdz, sdaa, … */
export function diskName(index: number): string {
  const letter = String.fromCharCode(97 + (index % 26));
  return index < 26 ? `sd${letter}` : `${diskName(Math.floor(index / 26) - 1)}${letter}`;
}
