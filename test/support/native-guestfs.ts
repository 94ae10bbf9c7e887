import { Guestfs } from 'guestfs';
import { startNativeDaemon, type NativeDaemon } from './native-daemon.js';

/** A handle whose daemon runs on this machine and works on its own root. */
export interface NativeGuestfs extends AsyncDisposable {
  readonly g: Guestfs;
  readonly daemon: NativeDaemon;
  /** A folder for the test's files, which are files of the guest too. */
  readonly folder: string;
}

/** Starts a daemon and a handle that is attached to it. */
export async function openNative(): Promise<NativeGuestfs> {
  const daemon = await startNativeDaemon();
  const g = new Guestfs({ environment: {}, backend: `unix:${daemon.socket}` });
  const dispose = async (): Promise<void> => {
    await g.close();
    await daemon[Symbol.asyncDispose]();
  };
  try {
    await g.launch();
  } catch (error) {
    await dispose();
    throw error;
  }
  return { g, daemon, folder: daemon.folder, [Symbol.asyncDispose]: dispose };
}
