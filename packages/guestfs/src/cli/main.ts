import { GuestfsError } from '@guestfs/core';
import { VERSION } from '../version.js';
import type { Command } from './command.js';
import { commands } from './commands.js';

/** The exit status of a program that was called wrongly. */
const USAGE_STATUS = 2;

/** The `guestfs` program: runs the command named first, and resolves with the exit status. */
export async function main(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === '--version') return say(VERSION);
  if (name === undefined || name === '--help' || name === 'help') return say(overview());
  const command = commands.find((each) => each.name === name);
  if (command === undefined) {
    console.error(`There is no command ${JSON.stringify(name)}.\n\n${overview()}`);
    return USAGE_STATUS;
  }
  if (rest.includes('--help')) return say(command.usage);
  return runCommand(command, rest);
}

async function runCommand(command: Command, args: readonly string[]): Promise<number> {
  try {
    return await command.run(args);
  } catch (error) {
    if (isUsageError(error)) {
      console.error(`${error.message}\n\n${command.usage}`);
      return USAGE_STATUS;
    }
    console.error(GuestfsError.is(error) ? `${error.name}: ${error.message}` : error);
    return 1;
  }
}

/** What `parseArgs` throws for unknown options and missing values. */
function isUsageError(error: unknown): error is Error {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && code.startsWith('ERR_PARSE_ARGS_');
}

function overview(): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  const list = commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`).join('\n');
  return `Usage: guestfs COMMAND [OPTIONS]\n\nCommands:\n${list}\n\n'guestfs COMMAND --help' tells more about one.`;
}

function say(text: string): number {
  console.log(text);
  return 0;
}
