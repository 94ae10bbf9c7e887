/** The name in the appliance of the drive with that index: /dev/sda, …, /dev/sdz, /dev/sdaa, … */
export function driveDevice(index: number): string {
  return `/dev/sd${letters(index)}`;
}

function letters(index: number): string {
  const letter = String.fromCharCode(97 + (index % 26));
  return index < 26 ? letter : `${letters(Math.floor(index / 26) - 1)}${letter}`;
}
