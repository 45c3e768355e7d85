/**
 * The HELLOs of one port: proved one after the other, and of those that come meanwhile only the last.
 *
 *     idle ──take──▶ proving ──its outcome, told if no other came──▶ idle
 *                      └──another came──▶ proving that one
 *
 * A proof asks QEMU, through a socket of its own. So however often a guest says HELLO, the relay has one question under way
 * and one HELLO in mind for it.
 */
import { asPortkeyError, type PortkeyError } from '../../../libraries/errors/index.js';
import type { Hello } from '../../../libraries/hypercall/index.js';
import type { GuestRam } from '../ram/guest-ram.js';
import { prove, type ProofParts } from './proof.js';

export interface GreetingListener {
  /** It becomes a user of the RAM. */
  readonly onProved: (hello: Hello, ram: GuestRam) => void;
  readonly onRefused: (error: PortkeyError) => void;
}

export class Greetings {
  /** Until its outcome is told. */
  private last: Hello | undefined;
  private isProving = false;

  constructor(
    private readonly parts: ProofParts,
    private readonly listener: GreetingListener,
  ) {}

  /** Those before it have no outcome any more. */
  take(hello: Hello): void {
    this.last = hello;
    if (!this.isProving) void this.proveAll();
  }

  /** Nothing is told any more. */
  end(): void {
    this.last = undefined;
  }

  private async proveAll(): Promise<void> {
    this.isProving = true;
    for (let hello = this.last; hello !== undefined; hello = this.last) await this.proveOne(hello);
    this.isProving = false;
  }

  private async proveOne(hello: Hello): Promise<void> {
    const outcome = await prove(hello, this.parts).catch(asPortkeyError);
    const isWanted = this.last === hello;
    if (isWanted) this.last = undefined;
    if (outcome instanceof Error) {
      if (isWanted) this.listener.onRefused(outcome);
    } else if (isWanted) this.listener.onProved(hello, outcome);
    else outcome.release();
  }
}
