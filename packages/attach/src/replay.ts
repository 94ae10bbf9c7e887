import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Connection, GuestfsError, type Backend, type LaunchConfig } from '@guestfs/core';
import { checkDriveConfigs } from '@guestfs/core/appliance';
import { Player } from './replay/player.js';
import { readRecording, type Recording } from './replay/records.js';
import { summarize } from './replay/recorder.js';
import { AttachedSession } from './unix/session.js';

/** The longest recording that is read, in bytes: it is held in memory. */
const LONGEST = 1024 * 1024 * 1024;

/**
 * Answers the calls of a session from a file that `recordSession` made, without qemu or a daemon.
 *
 * `launch` rejects with `ERR_GUESTFS_RECORDING` when the file is not there, cut off, damaged or of another version, and
 * with `ERR_GUESTFS_REPLAY` when other drives were added. The first call that is not the recorded one rejects with
 * `ERR_GUESTFS_REPLAY`, and the session ends.
 */
export function replayBackend(file: string): Backend {
  const path = resolve(file);
  const name = `replay:${file}`;
  return {
    name,
    async launch(config, context) {
      context.phase('start');
      checkDriveConfigs(config.drives);
      const recording = await readFromFile(path);
      compareDrives(recording, config);
      const count = recording.secrets.length;
      context.log(
        `replaying ${recording.calls.length} calls from ${path}${count > 0 ? `; left out when it was recorded: ${recording.secrets.join(', ')}` : ''}`,
      );
      const player = new Player(recording, name);
      const { signal } = context;
      const connection = await Connection.open(player.transport, {
        launchFlag: 'none',
        signal,
        onProgress: (progress) => context.progress(progress),
        log: (line) => context.log(line),
        ...(context.tap && { tap: context.tap }),
      });
      for (const phase of ['applianceBuilt', 'kernelUp', 'initRunning', 'ready'] as const) context.phase(phase);
      return new AttachedSession(connection);
    },
  };
}

async function readFromFile(path: string): Promise<Recording> {
  let bytes: Buffer;
  try {
    const { size } = await stat(path);
    if (size > LONGEST) throw new Error(`it has ${size} bytes; ${LONGEST} are possible`);
    bytes = await readFile(path);
  } catch (cause) {
    throw new GuestfsError(
      'ERR_GUESTFS_RECORDING',
      `the recording ${path} cannot be read: ${(cause as Error).message}`,
      {
        hint: 'check the path; make a recording with recordSession',
        cause,
      },
    );
  }
  return readRecording(bytes, path);
}

function compareDrives({ drives }: Recording, config: LaunchConfig): void {
  const now = summarize(config.drives);
  const differs =
    now.length !== drives.length
      ? 'another number of drives'
      : now.some((drive, i) => drive.readonly !== drives[i]?.readonly || drive.format !== drives[i].format)
        ? 'drives added in another way'
        : null;
  if (differs === null) return;
  throw new GuestfsError(
    'ERR_GUESTFS_REPLAY',
    `the recording was made with ${differs} (${drives.length} then, ${now.length} now)`,
    {
      hint: 'add the same drives, with the same readonly and format, as when it was recorded',
    },
  );
}
