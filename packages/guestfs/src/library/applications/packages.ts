import { GuestfsError } from '@guestfs/core';
import type { Application2 } from '@guestfs/core';
import { decodeText, procedures } from '@guestfs/core/protocol';
import type { Run } from '../../call/run.js';
import { readdir } from '../files/listing.js';
import { makeApplication, splitVersion } from './application.js';

/** The largest database that is read: the guest is not trusted. */
const DATABASE_MAX = 100_000_000n;
const PARAGRAPH_MAX = 1024 * 1024;
const PACMAN_ENTRY_MAX = 8192n;

export async function listDebian(run: Run): Promise<Application2[]> {
  return parseDpkgStatus(await readDatabase(run, '/var/lib/dpkg/status', DATABASE_MAX));
}

export async function listAlpine(run: Run): Promise<Application2[]> {
  return parseApkInstalled(await readDatabase(run, '/lib/apk/db/installed', DATABASE_MAX));
}

export async function listPacman(run: Run): Promise<Application2[]> {
  const folder = '/var/lib/pacman/local';
  const entries = (await readdir(run, folder)).filter(
    ({ ftyp, name }) => ftyp === 'd' && name !== '.' && name !== '..',
  );
  const applications: Application2[] = [];
  for (const { name } of entries) {
    const text = await readDatabase(run, `${folder}/${name}/desc`, PACMAN_ENTRY_MAX).catch((error: unknown) => {
      // One damaged entry does not hide the others; a call that was cancelled ends them all.
      run.control.throwIfCancelled();
      if (run.handle.session === null) throw error;
      return '';
    });
    const application = parsePacmanDesc(text);
    if (application !== null) applications.push(application);
  }
  return applications;
}

/** Reads dpkg's file of paragraphs `Field: value`, where a line that starts with a blank goes on with the field before. */
export function parseDpkgStatus(text: string): Application2[] {
  const applications: Application2[] = [];
  for (const paragraph of paragraphsOf(text)) {
    const fields = parseParagraph(paragraph);
    const name = fields.get('Package');
    const version = splitVersion(fields.get('Version') ?? ':');
    if (name === undefined || version === null || !(fields.get('Status') ?? '').includes('installed')) continue;
    const [summary = '', ...description] = (fields.get('Description') ?? '').split('\n');
    applications.push(
      makeApplication({
        app2Name: name,
        ...version,
        app2Arch: fields.get('Architecture') ?? '',
        app2Url: fields.get('Homepage') ?? '',
        app2SourcePackage: (fields.get('Source') ?? '').split(' ')[0] ?? '',
        app2Summary: summary,
        app2Description: description.join('\n'),
      }),
    );
  }
  return applications;
}

/** The parts between empty lines. One that is too long to be a package's is passed over: the guest is not trusted. */
function* paragraphsOf(text: string): Generator<string, void, void> {
  for (let start = 0; start < text.length;) {
    const found = text.indexOf('\n\n', start);
    const end = found === -1 ? text.length : found;
    if (end > start && end - start <= PARAGRAPH_MAX) yield text.slice(start, end);
    start = end + 2;
  }
}

function parseParagraph(paragraph: string): Map<string, string> {
  const fields = new Map<string, string>();
  // A line that does not begin with a blank begins a field.
  for (const field of paragraph.split(/\n(?! )/)) {
    const colon = field.indexOf(': ');
    const name = colon === -1 ? '' : field.slice(0, colon);
    fields.set(name, field.slice(colon + 2).replaceAll('\n ', '\n'));
  }
  return fields;
}

/** Reads apk's file of paragraphs, where each line is a letter, a colon and a value. */
export function parseApkInstalled(text: string): Application2[] {
  const applications: Application2[] = [];
  for (const paragraph of paragraphsOf(text)) {
    const fields = new Map(
      paragraph
        .split('\n')
        .filter((line) => line[1] === ':')
        .map((line) => [line[0], line.slice(2)]),
    );
    const name = fields.get('P');
    const version = splitVersion(fields.get('V') ?? ':');
    if (name === undefined || version === null) continue;
    applications.push(
      makeApplication({
        app2Name: name,
        ...version,
        app2Release: version.app2Release.replace(/^r/, ''),
        app2Arch: fields.get('A') ?? '',
        app2Url: fields.get('U') ?? '',
        app2Description: fields.get('T') ?? '',
      }),
    );
  }
  return applications;
}

/** Reads one of pacman's files, where a line `%FIELD%` stands before its value; null where it is not whole. */
export function parsePacmanDesc(text: string): Application2 | null {
  const fields = new Map<string, string>();
  for (const block of text.split('\n\n')) {
    const [heading = '', value] = block.trim().split('\n');
    if (value !== undefined) fields.set(heading, value);
  }
  const name = fields.get('%NAME%');
  const arch = fields.get('%ARCH%');
  const version = splitVersion(fields.get('%VERSION%') ?? ':');
  if (name === undefined || arch === undefined || version === null) return null;
  if (version.app2Version === '' || version.app2Release === '') return null;
  return makeApplication({
    app2Name: name,
    ...version,
    app2Arch: arch,
    app2Url: fields.get('%URL%') ?? '',
    app2Description: fields.get('%DESC%') ?? '',
  });
}

async function readDatabase(run: Run, path: string, largest: bigint): Promise<string> {
  const size = await run.call(procedures.filesize, [path]);
  if (size > largest) {
    const message = `${path} has ${size} bytes, and more than ${largest} are not read`;
    throw new GuestfsError('ERR_GUESTFS_UNSUPPORTED', message, {
      operation: run.name,
      hint: `download ${path} and read it yourself, or have the guest list its packages`,
    });
  }
  const bytes = await run.fetch(procedures.download, [path]);
  return decodeText(bytes, 0, bytes.length);
}
