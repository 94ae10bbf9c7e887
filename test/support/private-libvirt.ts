import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
const LIBVIRTD = '/usr/sbin/libvirtd';

/** Why no libvirtd of our own can run here; null when it can. */
export function libvirtMissing(): string | null {
  return existsSync(LIBVIRTD) && existsSync('/usr/bin/virsh') ? null : 'libvirtd and virsh are not installed';
}

/** A libvirtd of this test alone, with its own configuration, sockets and state. */
export interface PrivateLibvirt extends AsyncDisposable {
  readonly uri: string;
  readonly folder: string;
  /** The names of the domains that run. */
  domains(): Promise<string[]>;
  /** Does with a domain what somebody else would: `suspend`, `resume`, `destroy`. */
  tell(command: string, domain: string): Promise<void>;
}

/**
 * Starts one. As root it runs in a mount namespace with its state bound over the system's folders, and its machines run
 * as root; as a user it is the user's own session daemon in a folder of its own.
 */
export async function startPrivateLibvirt(): Promise<PrivateLibvirt> {
  const folder = await mkdtemp('/tmp/gfs-libvirt-');
  const root = process.getuid?.() === 0;
  const socket = join(folder, 'run/libvirt/libvirt-sock');
  const [file, args, env] = root ? await asRoot(folder) : await asUser(folder);
  const child = spawn(file, args, { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, ...env } });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (log = (log + text).slice(-20_000)));
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const uri = `qemu+unix:///${root ? 'system' : 'session'}?socket=${socket}`;
  const dispose = async (): Promise<void> => {
    child.kill('SIGTERM');
    await exited;
    await rm(folder, { recursive: true, force: true });
  };
  for (const deadline = Date.now() + 60_000; !existsSync(socket); await delay(50)) {
    if (child.exitCode !== null || Date.now() > deadline) {
      await dispose();
      throw new Error(`libvirtd did not start: ${log}`);
    }
  }
  const virsh = async (...args: string[]): Promise<string> => (await run('virsh', ['-q', '-c', uri, ...args])).stdout;
  return {
    uri,
    folder,
    domains: async () => (await virsh('list', '--name')).split('\n').filter(Boolean),
    tell: async (command, domain) => void (await virsh(command, domain)),
    [Symbol.asyncDispose]: dispose,
  };
}

type Start = [file: string, args: string[], env: Record<string, string>];

async function asUser(folder: string): Promise<Start> {
  for (const name of ['run', 'config', 'cache', 'data']) await mkdir(join(folder, name), { mode: 0o700 });
  const env = { XDG_RUNTIME_DIR: 'run', XDG_CONFIG_HOME: 'config', XDG_CACHE_HOME: 'cache', XDG_DATA_HOME: 'data' };
  return [
    LIBVIRTD,
    ['-t', '120'],
    Object.fromEntries(Object.entries(env).map(([key, name]) => [key, join(folder, name)])),
  ];
}

async function asRoot(folder: string): Promise<Start> {
  const qemu = [
    'user = "root"',
    'group = "root"',
    'security_driver = "none"',
    'dynamic_ownership = 0',
    'remember_owner = 0',
    'cgroup_controllers = [ ]',
    'namespaces = [ ]',
    'stdio_handler = "file"',
  ];
  for (const name of ['etc/qemu', 'etc/nwfilter', 'lib', 'cache', 'log', 'run/libvirt'])
    await mkdir(join(folder, name), { recursive: true });
  await writeFile(join(folder, 'etc/qemu.conf'), qemu.join('\n'));
  await writeFile(
    join(folder, 'etc/libvirtd.conf'),
    `unix_sock_dir = "${folder}/run/libvirt"\nauth_unix_rw = "none"\nauth_unix_ro = "none"\n`,
  );
  await addAccount(folder, 'passwd', 'libvirt-qemu:x:64055:64055::/:/usr/sbin/nologin');
  await addAccount(folder, 'group', 'libvirt-qemu:x:64055:');
  const binds: [string, string][] = [
    ['passwd', '/etc/passwd'],
    ['group', '/etc/group'],
    ['etc', '/etc/libvirt'],
    ['lib', '/var/lib/libvirt'],
    ['cache', '/var/cache/libvirt'],
    ['log', '/var/log/libvirt'],
    ['run/libvirt', '/run/libvirt'],
  ];
  const script = [
    ...binds.map(([from, to]) => `{ test -e ${to} || mkdir -p ${to}; } && mount --bind ${folder}/${from} ${to}`),
    `exec ${LIBVIRTD} -t 120 -f /etc/libvirt/libvirtd.conf -p ${folder}/pid`,
  ];
  return ['unshare', ['-m', '--propagation', 'private', 'sh', '-c', script.join(' && ')], {}];
}

/** A copy of an account file, with an account that libvirt's packages may not have made: it looks for it in any case. */
async function addAccount(folder: string, name: string, line: string): Promise<void> {
  const accounts = await readFile(`/etc/${name}`, 'utf8');
  const there = accounts.split('\n').some((each) => each.startsWith(line.slice(0, line.indexOf(':') + 1)));
  await writeFile(join(folder, name), there ? accounts : `${accounts}${line}\n`);
}

/** What a file in the daemon's log folder says, for a test that fails. */
export async function qemuLog(libvirt: PrivateLibvirt, domain: string): Promise<string> {
  return readFile(join(libvirt.folder, 'log/qemu', `${domain}.log`), 'utf8').catch(() => '');
}
