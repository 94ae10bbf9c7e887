import { GuestfsError } from '@guestfs/core';
import { booleanSetting } from '@guestfs/core/appliance';

/** How to attach to a daemon that runs already. */
export interface AttachOptions {
  /** Milliseconds until the daemon must have answered; default 30 000. */
  readonly timeout?: number | undefined;
  /** Whether a socket is used that belongs to another user, or that other users may write to; default false. */
  readonly allowOtherOwner?: boolean | undefined;
}

export const ATTACH_TIMEOUT = 30_000;

/** The longest timeout in seconds: what a timer can hold. */
const LONGEST = 2_000_000;

/** Reads the backend settings `attach_timeout=SECONDS` and `allow_other_owner`. Throws `ERR_GUESTFS_ARGUMENT`. */
export function attachSettings(settings: readonly string[]): AttachOptions {
  const text = settings.find((setting) => setting.startsWith('attach_timeout='))?.slice('attach_timeout='.length);
  const allowOtherOwner = booleanSetting(settings, 'allow_other_owner');
  if (text === undefined) return { allowOtherOwner };
  const seconds = Number(text);
  if (/^[0-9]+(\.[0-9]+)?$/.test(text) && seconds > 0 && seconds <= LONGEST)
    return { allowOtherOwner, timeout: seconds * 1000 };
  throw new GuestfsError(
    'ERR_GUESTFS_ARGUMENT',
    `the backend setting attach_timeout must be a number of seconds, not ${JSON.stringify(text)}`,
    {
      hint: 'use for example attach_timeout=60',
    },
  );
}
