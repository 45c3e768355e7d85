/**
 * The verdict of a workload's client, as `verify --json` prints it.
 */
import { PortkeyError } from '../../libraries/errors/index.js';
import { hasWorkload, workloadClient, type WorkloadPlace } from '../../testbed/workload/index.js';

const verifyMs = 300_000;

export interface Verification {
  readonly name: string;
  readonly ok: boolean;
  readonly keys: number;
  readonly acknowledgedWrites: number;
  readonly lostWrites: number;
  readonly corruptValues: number;
  readonly connectionKept: boolean;
  readonly connectionId: string;
  readonly longestPauseSeconds: number;
}

/** Throws `container-unknown` if no workload of that name runs, `service-unavailable` if it cannot be read. */
export async function verifyWorkload(place: WorkloadPlace, name: string): Promise<Verification> {
  if (!hasWorkload(place, name))
    throw new PortkeyError(
      'container-unknown',
      `'${name}' is no built-in workload; start one with 'portkey run VM ${name} --workload redis'`,
    );
  const client = workloadClient(place, name);
  try {
    const verdict = await client.call('Verify', {}, { deadlineMs: verifyMs });
    return {
      name,
      ok: verdict.ok,
      keys: verdict.keys,
      acknowledgedWrites: verdict.acknowledgedWrites,
      lostWrites: verdict.lostWrites,
      corruptValues: verdict.corruptValues,
      connectionKept: verdict.connectionKept,
      connectionId: verdict.connectionId,
      longestPauseSeconds: verdict.longestPauseSeconds,
    };
  } finally {
    client.close();
  }
}
