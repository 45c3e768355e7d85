/** Commands in the guests, with a deadline: a guest that is part of a fault must not hold up the look at the others. */
import { inGuest as inGuestWithin } from '../e2e/support/portkey.js';

const deadlineMs = 10_000;
/** Of a VM that is short of memory, and reads its programs from its disk again and again. */
const slowDeadlineMs = 60_000;

export const inGuest = (vm: string, command: string): Promise<string> =>
  inGuestWithin(vm, command, deadlineMs);

export const inSlowGuest = (vm: string, command: string): Promise<string> =>
  inGuestWithin(vm, command, slowDeadlineMs);
