/**
 * Commands in the guests, with a deadline: a guest that is part of a fault must not hold up the look at the others.
 *
 * Questions go over connections that are kept: under emulation a handshake costs a guest more than the answer, and looks are not
 * to be what keeps it busy. What changes something goes over a connection of its own, as it must not be done twice.
 */
import { asPortkeyError } from '../../libraries/errors/index.js';
import { GuestConnection } from '../../testbed/index.js';
import type { VmPlace } from '../../testbed/topology.js';
import { inGuest as inGuestWithin, printedBy } from '../e2e/support/portkey.js';

const deadlineMs = 10_000;
/** Of a VM that is short of memory, and reads its programs from its disk again and again. */
const slowDeadlineMs = 60_000;

export const inGuest = (vm: string, command: string): Promise<string> =>
  inGuestWithin(vm, command, deadlineMs);

export const inSlowGuest = (vm: string, command: string): Promise<string> =>
  inGuestWithin(vm, command, slowDeadlineMs);

export class Guests {
  private readonly connections = new Map<string, GuestConnection>();

  constructor(private readonly vms: readonly VmPlace[]) {}

  /** What a shell command prints that changes nothing: it is put again where the connection turns out to be dead. */
  async ask(vm: string, command: string): Promise<string> {
    const wasConnected = this.connections.has(vm);
    try {
      return await this.askOnce(vm, command);
    } catch (error) {
      this.forget(vm);
      if (!wasConnected || asPortkeyError(error).code !== 'service-unavailable') throw error;
      return this.askOnce(vm, command);
    }
  }

  /** For when connections may not have survived: one that was cut off may go on for as long as TCP waits for its next packet. */
  forgetAll(): void {
    for (const vm of [...this.connections.keys()]) this.forget(vm);
  }

  private forget(vm: string): void {
    this.connections.get(vm)?.close();
    this.connections.delete(vm);
  }

  private askOnce(vm: string, command: string): Promise<string> {
    const connection = this.connections.get(vm) ?? new GuestConnection(this.placeOf(vm));
    this.connections.set(vm, connection);
    return printedBy(vm, command, deadlineMs, (words, options) => connection.exec(words, options));
  }

  private placeOf(vm: string): VmPlace {
    const place = this.vms.find(({ name }) => name === vm);
    if (place === undefined) throw new Error(`the test bed has no ${vm}`);
    return place;
  }
}
