import { GuestfsError } from '@guestfs/core';
import type { Application2 } from '@guestfs/core';
import { procedures } from '@guestfs/core/protocol';
import type { Run } from '../../call/run.js';
import { makeApplication } from './application.js';

const UNINSTALL = ['Microsoft', 'Windows', 'CurrentVersion', 'Uninstall'];

/** Where programs enter themselves: the native ones, and those of 32 bits on a system of 64. */
const PLACES = [UNINSTALL, ['WOW6432node', ...UNINSTALL]];

const ANTIVIRUS = /virus|kaspersky|mcafee|norton|sophos|ApexOneNT|avg technologies/i;

/** Reads the programs from the registry; a hive that was open is closed. */
export async function listWindows(run: Run, root: string): Promise<Application2[]> {
  const hive = await run.call(procedures.inspectGetWindowsSoftwareHive, [root]);
  await run.call(procedures.hivexOpen, [hive], { unsafe: true, verbose: run.handle.settings.verbose });
  try {
    const applications: Application2[] = [];
    for (const place of PLACES) applications.push(...(await listPlace(run, place)));
    return applications.concat(await findDefender(run));
  } finally {
    await run.call(procedures.hivexClose).catch(() => undefined);
  }
}

async function listPlace(run: Run, place: readonly string[]): Promise<Application2[]> {
  const node = await descend(run, place);
  if (node === 0n) return [];
  const children = await run.call(procedures.hivexNodeChildren, [node]);
  const found = await Promise.all(children.map((child) => readProgram(run, child.hivexNodeH)));
  return found.filter((program) => program !== null);
}

/** Programs are the nodes that have a name to show; the node's own name is the same in every language. */
async function readProgram(run: Run, node: bigint): Promise<Application2 | null> {
  const [name, display, version, folder, publisher, url, comments] = await Promise.all([
    run.call(procedures.hivexNodeName, [node]).catch(unlessCancelled(run, null)),
    readText(run, node, 'DisplayName'),
    readText(run, node, 'DisplayVersion'),
    readText(run, node, 'InstallLocation'),
    readText(run, node, 'Publisher'),
    readText(run, node, 'URLInfoAbout'),
    readText(run, node, 'Comments'),
  ]);
  if (name === null || display === null) return null;
  return makeApplication({
    app2Name: name,
    app2DisplayName: display,
    app2Version: version ?? '',
    app2InstallPath: folder ?? '',
    app2Publisher: publisher ?? '',
    app2Url: url ?? '',
    app2Description: comments ?? '',
    app2Class: [name, display, publisher ?? ''].some((text) => ANTIVIRUS.test(text)) ? 'antivirus' : '',
  });
}

/** Windows Defender does not enter itself where programs do. */
async function findDefender(run: Run): Promise<Application2[]> {
  const node = await descend(run, ['Microsoft', 'Windows Defender']);
  if (node === 0n) return [];
  const value = await run.call(procedures.hivexNodeGetValue, [node, 'DisableAntiVirus']);
  const bytes = value === 0n ? null : await run.call(procedures.hivexValueValue, [value]);
  if (bytes !== null && bytes.length >= 4 && bytes.readInt32LE(0) === 1) return [];
  return [
    makeApplication({
      app2Name: 'WinDefend',
      app2DisplayName: 'Microsoft Defender Antivirus',
      app2Publisher: 'Microsoft Corporation',
      app2Class: 'antivirus',
    }),
  ];
}

/** The node at a path, 0 where there is none. */
async function descend(run: Run, path: readonly string[]): Promise<bigint> {
  let node = await run.call(procedures.hivexRoot);
  for (const name of path) {
    if (node === 0n) return 0n;
    node = await run.call(procedures.hivexNodeGetChild, [node, name]);
  }
  return node;
}

/** A value as text; null where there is none or it is not text. */
async function readText(run: Run, node: bigint, key: string): Promise<string | null> {
  const value = await run.call(procedures.hivexNodeGetValue, [node, key]);
  return value === 0n ? null : run.call(procedures.hivexValueString, [value]).catch(unlessCancelled(run, null));
}

/** Takes what the daemon could not read for missing. */
function unlessCancelled<T>(run: Run, missing: T): (error: unknown) => T {
  return (error) => {
    if (!GuestfsError.is(error) || error.code === 'ERR_GUESTFS_CONNECTION_LOST') throw error;
    run.control.throwIfCancelled();
    return missing;
  };
}
