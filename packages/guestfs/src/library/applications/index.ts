import type { Application, Application2 } from '@guestfs/core';
import { procedures } from '@guestfs/core/protocol';
import type { Run } from '../../call/run.js';
import { listAlpine, listDebian, listPacman } from './packages.js';
import { listWindows } from './windows.js';

export async function inspectListApplications2(run: Run, root: string): Promise<Application2[]> {
  run.hold();
  const [type, format] = await Promise.all([
    run.call(procedures.inspectGetType, [root]),
    run.call(procedures.inspectGetPackageFormat, [root]),
  ]);
  const found = await list(run, root, type, format);
  return found.sort((a, b) => Buffer.compare(Buffer.from(a.app2Name), Buffer.from(b.app2Name)));
}

export async function inspectListApplications(run: Run, root: string): Promise<Application[]> {
  return (await inspectListApplications2(run, root)).map((app) => ({
    appName: app.app2Name,
    appDisplayName: app.app2DisplayName,
    appEpoch: app.app2Epoch,
    appVersion: app.app2Version,
    appRelease: app.app2Release,
    appInstallPath: app.app2InstallPath,
    appTransPath: app.app2TransPath,
    appPublisher: app.app2Publisher,
    appUrl: app.app2Url,
    appSourcePackage: app.app2SourcePackage,
    appSummary: app.app2Summary,
    appDescription: app.app2Description,
  }));
}

async function list(run: Run, root: string, type: string, format: string): Promise<Application2[]> {
  if (type === 'windows') return listWindows(run, root);
  if (type !== 'linux' && type !== 'hurd') return [];
  switch (format) {
    case 'rpm':
      return run.call(procedures.internalListRpmApplications);
    case 'deb':
      return listDebian(run);
    case 'pacman':
      return listPacman(run);
    case 'apk':
      return listAlpine(run);
    default:
      return [];
  }
}
