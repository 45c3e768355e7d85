/**
 * Downtime: from the freeze of the first task to the first task running on the destination, on the controller's
 * clock alone (the clocks of two VMs do not agree to the millisecond).
 *
 * It begins just before Freeze is sent, which is a little early. It ends when the first task ran, `ranSeconds`
 * after the Activate call arrived (the restore service says so). When it arrived is not known here; the time that
 * the call took beyond `ranSeconds` went into two trips and the rest of the handler, and half of it is counted as
 * before the task ran, as NTP does. The error is at most that half: about a millisecond on a local network.
 */
export interface ActivateTiming {
  readonly sentSeconds: number;
  readonly answeredSeconds: number;
  readonly ranSeconds: number;
}

/** When the destination's first task ran, on the clock of `sentSeconds` and `answeredSeconds`. */
export function firstTaskRan({ sentSeconds, answeredSeconds, ranSeconds }: ActivateTiming): number {
  const call = answeredSeconds - sentSeconds;
  const ran = Math.min(Math.max(0, ranSeconds), call);
  return sentSeconds + ran + (call - ran) / 2;
}
