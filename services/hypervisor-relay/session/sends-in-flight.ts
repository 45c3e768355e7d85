/**
 * The SENDs of one session that have yet to land, each in as many parts as streams have a share of it.
 *
 * Streams are not in step: a later SEND may be whole before an earlier one is. Invariants: SENDs are told as landed in
 * the order in which they were added, and each when all of its parts have landed; each is told once, as landed or as
 * failed. Bounded by the guest's credits.
 */
import type { PortkeyError } from '../../../libraries/errors/index.js';

export interface LandedBatch {
  readonly bytes: number;
  readonly starvedUs: number;
  readonly queueDepth: number;
}

export interface BatchListener {
  readonly onLanded: (batch: LandedBatch) => void;
  readonly onFailure: (error: PortkeyError) => void;
}

interface SendInFlight {
  readonly listener: BatchListener;
  partsLeft: number;
  landed: LandedBatch;
}

export class SendsInFlight {
  /** By ticket, oldest first. */
  private readonly sends = new Map<number, SendInFlight>();
  private nextTicket = 1;

  /** Returns the ticket that its parts go by; there is at least one. */
  add(parts: number, listener: BatchListener): number {
    const ticket = this.nextTicket;
    this.nextTicket += 1;
    const landed = { bytes: 0, starvedUs: 0, queueDepth: 0 };
    this.sends.set(ticket, { listener, partsLeft: parts, landed });
    return ticket;
  }

  /** A part of a SEND has landed. One that has failed meanwhile is fine. */
  landed(ticket: number, { bytes, starvedUs, queueDepth }: LandedBatch): void {
    const send = this.sends.get(ticket);
    if (send === undefined) return;
    send.partsLeft -= 1;
    send.landed = {
      bytes: send.landed.bytes + bytes,
      starvedUs: send.landed.starvedUs + starvedUs,
      // As many SENDs as the stream that is furthest behind has yet to begin.
      queueDepth: Math.max(send.landed.queueDepth, queueDepth),
    };
    this.tellLanded();
  }

  failAll(error: PortkeyError): void {
    const failed = [...this.sends.values()];
    this.sends.clear();
    for (const { listener } of failed) listener.onFailure(error);
  }

  private tellLanded(): void {
    for (const [ticket, { listener, partsLeft, landed }] of this.sends) {
      if (partsLeft > 0) return;
      this.sends.delete(ticket);
      listener.onLanded(landed);
    }
  }
}
