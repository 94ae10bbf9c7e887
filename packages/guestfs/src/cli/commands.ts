import type { Command } from './command.js';
import { doctor } from './doctor.js';
import { makeFixedApplianceCommand } from './make-fixed-appliance.js';
import { warm } from './warm.js';

/** The commands in the order in which they are listed. */
export const commands: readonly Command[] = [warm, doctor, makeFixedApplianceCommand];
