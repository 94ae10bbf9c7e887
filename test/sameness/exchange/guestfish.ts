import { execa } from 'execa';

const quoted = (word: string): string => `"${word.replaceAll(/["\\]/g, '\\$&').replaceAll('\n', '\\n')}"`;

/** Runs the real guestfish on an image; gives what each command printed. */
export async function guestfish(
  options: readonly string[],
  commands: readonly (readonly string[])[],
): Promise<string[]> {
  const input = commands
    .map((words) => `${[words[0], ...words.slice(1).map(quoted)].join(' ')}\necho ${END}`)
    .join('\n');
  const env = { LIBGUESTFS_BACKEND: 'direct', LIBGUESTFS_BACKEND_SETTINGS: 'force_tcg', LC_ALL: 'C.UTF-8' };
  const { stdout } = await execa('guestfish', options, { input, env, timeout: 300_000 });
  return `${stdout}\n`.split(`${END}\n`).slice(0, -1);
}

const END = '-- end of a command --';
