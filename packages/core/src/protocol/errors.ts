export { GuestfsError, reasonOf } from '@guestfs/events';
export type { FailedCall, GuestfsErrorCode, GuestfsErrorFields } from '@guestfs/events';
