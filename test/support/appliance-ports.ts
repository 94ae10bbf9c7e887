import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { directBackend } from '@guestfs/attach';
import type { Session, Transport } from '@guestfs/core';
import { procedures } from '@guestfs/core/protocol';
import type { TransportPair, TransportPeer } from '../compliance/transport-contract.js';
import { launchConfig, launchContext } from './launch-settings.js';

/** How many transports one machine gives out. */
const PAIRS = 6;
/** With more ports on one controller qemu drops some of the messages that tell the guest which of them are open. */
const PORTS_OF_A_CONTROLLER = 7;

/** One way to the socket behind a port of qemu's. */
export interface PortKind {
  /** What is said of the socket in `-chardev`, after its path. */
  readonly chardev: string;
  /** Gets ready before qemu starts. */
  prepare(path: string): Promise<PreparedPort>;
}

export interface PreparedPort {
  /** Makes the transport. Whatever the peer says comes out of it once `relay` has resolved. */
  open(peer: TransportPeer, relay: () => Promise<void>): Promise<Transport>;
  close(): void;
}

/**
 * An appliance with more ports than that of its daemon, two for each transport: the transport leads to one, the test sits
 * at the other, and a shell in the guest copies between them. So the far end of the transport is a real guest.
 */
export class AppliancePorts implements AsyncDisposable {
  readonly #ports: Ports;
  readonly #session: Session;
  /** What the guest tells: `sent N` when all words of the test are out, `gone N` when the transport has ended. */
  readonly #told = new Set<string>();
  #given = 0;
  #ended = false;

  private constructor(ports: Ports, session: Session) {
    this.#ports = ports;
    this.#session = session;
    void session.ended.then(() => (this.#ended = true));
  }

  static async boot(kind: PortKind): Promise<AppliancePorts> {
    const ports = await Ports.prepare(kind);
    const session = await directBackend()
      .launch(launchConfig({ qemuParameters: ports.parameters }), launchContext().context)
      .catch(async (error: unknown) => {
        await ports.close();
        throw error;
      });
    const machine = new AppliancePorts(ports, session);
    createInterface(await ports.bell).on('line', (line) => machine.#told.add(line));
    await machine.#run('mkfifo /tmp/bell');
    await machine.#start('cat <>/tmp/bell >/dev/virtio-ports/bell');
    return machine;
  }

  /** Qemu's process. */
  get pid(): number {
    return this.#session.pid!;
  }

  /** Whether it can give no transport any more. */
  get spent(): boolean {
    return this.#ended || this.#given === PAIRS;
  }

  /** A fresh transport and its far end. */
  async pair(): Promise<TransportPair> {
    const number = this.#given++;
    const far = await this.#ports.far[number]!;
    const parts: Buffer[] = [];
    far.on('data', (bytes) => parts.push(bytes));
    const peer: TransportPeer = {
      send: (bytes) => void far.write(bytes),
      received: () => Buffer.concat(parts),
      stall: (stalled) => void (stalled ? far.pause() : far.resume()),
      end: () => void this.#end(number, far),
      ended: () => this.#told.has(`gone ${number}`),
      dispose: () => void far.destroy(),
    };
    const transport = await this.#ports.near[number]!.open(peer, () => this.#relay(number));
    return { transport, peer };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#session.kill();
    await this.#session.ended;
    await this.#ports.close();
  }

  #relay(number: number): Promise<void> {
    return this.#start(
      `exec 3<>/dev/virtio-ports/near${number} 4<>/dev/virtio-ports/far${number} 9<>/tmp/bell
      { cat <&3 >&4; echo gone ${number} >&9; } &
      cat <&4 >&3; echo sent ${number} >&9; wait`,
    );
  }

  /** Ends the machine as it ends when its daemon does: the guest reboots, and qemu, which was told not to, exits. */
  async #end(number: number, far: Socket): Promise<void> {
    this.#ended = true;
    far.end();
    while (!this.#told.has(`sent ${number}`)) await delay(2);
    await this.#start('sleep 0.1; echo b >/proc/sysrq-trigger').catch(() => undefined);
  }

  /** Has the daemon start a shell that goes on by itself. */
  #start(commands: string): Promise<void> {
    return this.#run(`setsid sh -c '${commands}' </dev/null >/dev/null 2>&1 &`);
  }

  async #run(command: string): Promise<void> {
    await this.#session.connection.call(procedures.debug, ['sh', [command]]);
  }
}

/** The sockets of a machine's ports, and qemu's arguments for them. */
class Ports {
  readonly folder: string;
  readonly parameters: [string, string][] = [];
  readonly near: PreparedPort[] = [];
  readonly far: Promise<Socket>[] = [];
  bell!: Promise<Socket>;
  readonly #servers: Server[] = [];
  readonly #sockets: Socket[] = [];
  #count = 0;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async prepare(kind: PortKind): Promise<Ports> {
    const ports = new Ports(await mkdtemp(join(tmpdir(), 'gfs-ports-')));
    ports.bell = (await ports.#listen('bell')).socket;
    for (let i = 0; i < PAIRS; i++) {
      ports.far.push((await ports.#listen(`far${i}`)).socket);
      ports.near.push(await kind.prepare(join(ports.folder, `near${i}`)));
      ports.#add(`near${i}`, kind.chardev);
    }
    return ports;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    for (const server of this.#servers) server.close();
    for (const port of this.near) port.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** A port at which the test sits. */
  async #listen(name: string): Promise<{ socket: Promise<Socket> }> {
    const server = createServer().listen(join(this.folder, name));
    this.#servers.push(server);
    await once(server, 'listening');
    this.#add(name, '');
    const socket = new Promise<Socket>((resolve) => {
      server.once('connection', (accepted) => {
        accepted.on('error', () => undefined);
        this.#sockets.push(accepted);
        resolve(accepted);
      });
    });
    // In an object: a promise would be waited for, and qemu does not run yet.
    return { socket };
  }

  #add(name: string, chardev: string): void {
    const controller = `controller${Math.floor(this.#count / PORTS_OF_A_CONTROLLER)}`;
    if (this.#count++ % PORTS_OF_A_CONTROLLER === 0)
      this.parameters.push(['-device', `virtio-serial-pci,id=${controller}`]);
    this.parameters.push(['-chardev', `socket,id=${name},path=${join(this.folder, name)}${chardev}`]);
    this.parameters.push(['-device', `virtserialport,bus=${controller}.0,chardev=${name},name=${name}`]);
  }
}
