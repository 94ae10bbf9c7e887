import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Virsh, type LibvirtOptions } from '@guestfs/attach/internal';

/** A host of libvirt's own test driver: nothing runs, but virsh and libvirt's parser are the real ones. */
export class TestDriverHost {
  readonly folder: string;
  readonly uri: string;

  private constructor(folder: string) {
    this.folder = folder;
    this.uri = `test://${join(folder, 'host.xml')}`;
  }

  /** Starts from domains and whatever else libvirt's `<node>` takes. */
  static async create(content: string): Promise<TestDriverHost> {
    const host = new TestDriverHost(await mkdtemp(join(tmpdir(), 'guestfs-test-driver-')));
    await writeFile(join(host.folder, 'host.xml'), `<node>${content}</node>`);
    return host;
  }

  virsh(options: Partial<LibvirtOptions> = {}): Virsh {
    return new Virsh({ uri: this.uri, tmpdir: this.folder, ...options });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** A domain of the test driver; `state` is libvirt's: 1 running, 3 paused, 5 shut off. */
export function testDomain(name: string, devices: string, state = 1): string {
  return `<domain type='test' xmlns:test='http://libvirt.org/schemas/domain/test/1.0'>
    <test:runstate>${state}</test:runstate>
    <name>${name}</name><uuid>${uuidOf(name)}</uuid><memory>1024</memory><os><type>hvm</type></os><devices>${devices}</devices></domain>`;
}

/** The test driver is made anew for each command, and would invent others. */
function uuidOf(name: string): string {
  const hex = createHash('md5').update(name).digest('hex');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
