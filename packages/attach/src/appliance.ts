import type { Backend } from '@guestfs/core';
import { DirectBackend } from '@guestfs/core/appliance';

/**
 * The backend `direct`: the appliance under a qemu that this process starts, and that ends with this process however it
 * dies. Its `launch` builds the appliance where it is not there yet, which takes some seconds more the first time.
 */
export function directBackend(): Backend {
  return new DirectBackend();
}
