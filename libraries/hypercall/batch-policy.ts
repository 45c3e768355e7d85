/**
 * When the pages that are collected go out as one SEND: what the batcher asks a policy, and what it tells it. A policy
 * is kept over the rounds of a migration, and with it what it has learned.
 */
/** The SENDs of one batcher that the relay has not answered. */
export interface Flight {
  readonly sends: number;
  readonly pages: number;
}

/** A SEND that is being collected. */
export interface Collected {
  readonly pages: number;
  /** All pages of this transfer, sent ones included; undefined where nobody knows yet. */
  readonly transferPages: number | undefined;
  /** Pages of this transfer so far, collected ones included. */
  readonly pagesSoFar: number;
  /** What a hypercall costs the guest, as measured; 0 where none has been. */
  readonly hypercallSeconds: number;
}

/** What one COMPLETE said. */
export interface Landing {
  readonly pages: number;
  /** Since the COMPLETE before it, or since the relay was given something to do. */
  readonly seconds: number;
  readonly starvedSeconds: number;
  /** SENDs that it answered. */
  readonly answered: number;
}

export interface BatchPolicy {
  /** A SEND with so many pages is full and goes out. */
  readonly maxPages: number;
  /** Whether another SEND may go out now; at least one always may. */
  mayFly(flight: Flight): boolean;
  /** Whether a SEND that is not full goes out now. */
  isDue(collected: Collected, flight: Flight): boolean;
  /** From here on `describe` counts anew; what has been learned stays. */
  beginRound(): void;
  scanned(pages: number, seconds: number): void;
  sent(pages: number): void;
  landed(landing: Landing): void;
  /** What the loop does and has learned, for people and reports. */
  describe(): BatchReport;
}

/** One round: what the loop did, and what it went by. */
export interface BatchReport {
  readonly policy: string;
  /** What a SEND is to hold now. */
  readonly pages: number;
  /** What one holds at most. */
  readonly maxPages: number;
  /** So many SENDs the relay is given ahead of the one that is collected; null where that is not looked at. */
  readonly ahead: number | null;
  readonly sends: number;
  readonly starvedSeconds: number;
  /** How often `pages` has doubled, and halved. */
  readonly grown: number;
  readonly shrunk: number;
  /** SENDs that had no COMPLETE of their own, because a later one's answered them, too. */
  readonly suppressedCompletions: number;
  /** Measured; null where nothing has been, or where there is no limit to it. */
  readonly hypercallSeconds: number | null;
  readonly scanPagesPerSecond: number | null;
  readonly linkPagesPerSecond: number | null;
}
