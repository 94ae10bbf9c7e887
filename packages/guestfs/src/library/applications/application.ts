import type { Application2 } from '@guestfs/core';

/** An application of which only some is known; the rest is empty, and the epoch 0. */
export function makeApplication(known: Partial<Application2> & Pick<Application2, 'app2Name'>): Application2 {
  return {
    app2DisplayName: '',
    app2Epoch: 0,
    app2Version: '',
    app2Release: '',
    app2Arch: '',
    app2InstallPath: '',
    app2TransPath: '',
    app2Publisher: '',
    app2Url: '',
    app2SourcePackage: '',
    app2Summary: '',
    app2Description: '',
    app2Class: '',
    app2Spare2: '',
    app2Spare3: '',
    app2Spare4: '',
    ...known,
  };
}

/** Splits `[epoch:]version[-release]`; null when the epoch is no number. */
export function splitVersion(text: string): Pick<Application2, 'app2Epoch' | 'app2Version' | 'app2Release'> | null {
  const colon = text.indexOf(':');
  const epoch = colon === -1 ? '0' : text.slice(0, colon);
  if (!/^[0-9]{1,9}$/.test(epoch)) return null;
  const rest = text.slice(colon + 1);
  const dash = rest.indexOf('-');
  return {
    app2Epoch: Number(epoch),
    app2Version: dash === -1 ? rest : rest.slice(0, dash),
    app2Release: dash === -1 ? '' : rest.slice(dash + 1),
  };
}
