import type { Procedure } from '@guestfs/core';

/** Procedures of tests, with one of each kind that matters to the connection. */
export const NOTHING: Procedure<void> = { name: 'nothing', proc: 1, args: [], optargs: [], returns: { kind: 'void' } };

export const NUMBER: Procedure<number> = { name: 'number', proc: 2, args: [], optargs: [], returns: { kind: 'int' } };

export const ECHO: Procedure<string> = {
  name: 'echo',
  proc: 3,
  args: [{ name: 'text', type: 'string' }],
  optargs: [],
  returns: { kind: 'string' },
};

export const SEND: Procedure<void> = {
  name: 'send',
  proc: 4,
  args: [{ name: 'path', type: 'string' }],
  optargs: [],
  returns: { kind: 'void' },
  transfer: 'in',
};

export const RECEIVE: Procedure<void> = {
  name: 'receive',
  proc: 5,
  args: [{ name: 'path', type: 'string' }],
  optargs: [],
  returns: { kind: 'void' },
  transfer: 'out',
};

export const UNLOCK: Procedure<void> = {
  name: 'unlock',
  proc: 6,
  args: [
    { name: 'device', type: 'string' },
    { name: 'key', type: 'string', secret: true },
  ],
  optargs: [{ name: 'again', type: 'string', secret: true }],
  returns: { kind: 'void' },
};
