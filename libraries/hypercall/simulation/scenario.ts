/** What a SIMULATION of the loop is about: a guest, its pages, and the way to the destination. */

export interface Guest {
  /** CPU of the guest that one frame to the host takes. */
  readonly hypercallUs: number;
  /** CPU of the guest that one frame from the host takes: the interrupt, and waking the agent. */
  readonly completionUs: number;
  /** CPU of the guest that finding a page takes; 0 where all are known. */
  readonly scanUsPerPage: number;
}

export interface Link {
  readonly bytesPerSecond: number;
  /** From the last byte's sending to the news that it has landed. */
  readonly roundTripUs: number;
  /** What the relay does for each SEND beside its pages. */
  readonly relayUs: number;
  /** From then on it has another speed. */
  readonly step?: { readonly atUs: number; readonly bytesPerSecond: number };
}

export interface Transfer {
  readonly pages: number;
  /** Pages that follow on from one another; then comes a gap. */
  readonly runPages: number;
  /** Pages that the scan hands over at a time. */
  readonly windowPages: number;
  /** Whether the scan knows beforehand how many it will be. */
  readonly announced: boolean;
}

export interface Scenario {
  readonly guest: Guest;
  readonly link: Link;
  /** One after the other, by the same policy: the rounds of a migration. */
  readonly rounds: readonly Transfer[];
}

/** What one round took. */
export interface RoundOutcome {
  readonly seconds: number;
  readonly sends: number;
  readonly completions: number;
  /** CPU of the guest in hypercalls and completions. */
  readonly hypercallSeconds: number;
}

/** What a policy is judged by: the time that a round takes, and the CPU that the guest spends on its hypercalls. */
export function costSeconds({ seconds, hypercallSeconds }: RoundOutcome): number {
  return seconds + hypercallSeconds;
}
