import { spawn } from 'node:child_process';

/** Runs a command with this terminal as its own and resolves with its exit status. */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: 'inherit', ...options });
    child.on('error', reject);
    child.on('exit', (status, signal) => resolve(signal === null ? status : 1));
  });
}

/** Like `run`, but ends this process with the command's status when it fails. */
export async function must(command, args, options = {}) {
  const status = await run(command, args, options);
  if (status !== 0) {
    console.error(`\n'${[command, ...args].join(' ')}' failed with status ${status}.`);
    process.exit(status);
  }
}
