/**
 * What only the client outside the VMs can say about a migration: did it keep its connection, how long did it wait,
 * is everything still there.
 *
 * `begin` is called before the migration, `finish` after it, whatever its outcome: a migration that was rolled back
 * must have harmed nothing either. The longest wait is read only when the first reply after the migration has come,
 * because the client's retransmission timer may go on after the tasks run. A client that does not answer leaves all
 * fields null, as they are where there is no client; `isExpected` tells the two apart.
 */
import { asPortkeyError } from '../../libraries/errors/index.js';
import type { Clock } from '../../libraries/process/index.js';
import type { RpcClient, WorkloadStatus } from '../../libraries/rpc/index.js';
import { hasWorkload, workloadClient, type WorkloadPlace } from '../../testbed/workload/index.js';
import type { MigrationReport } from '../report/migration-report.js';

const askMs = 5_000;
const verifyMs = 300_000;
const firstReplyMs = 60_000;
const pollMs = 20;

export type Evidence = Pick<
  MigrationReport,
  'workload' | 'verified' | 'clientPauseSeconds' | 'connectionKept'
>;

const noEvidence: Evidence = {
  workload: null,
  verified: null,
  clientPauseSeconds: null,
  connectionKept: null,
};

export class EvidenceGatherer implements Disposable {
  private constructor(
    /** Whether the container is a built-in workload, so that a null is a client that did not answer. */
    readonly isExpected: boolean,
    private readonly client: RpcClient<'Workload'> | undefined,
    private readonly clock: Clock,
    private readonly note: (line: string) => void,
  ) {}

  /** For a container that is no built-in workload, all evidence is null. */
  static async begin(
    place: WorkloadPlace,
    container: string,
    clock: Clock,
    note: (line: string) => void,
  ): Promise<EvidenceGatherer> {
    if (!hasWorkload(place, container)) return new EvidenceGatherer(false, undefined, clock, note);
    const client = workloadClient(place, container);
    try {
      await client.call('ResetPause', {}, { deadlineMs: askMs });
      return new EvidenceGatherer(true, client, clock, note);
    } catch (error) {
      client.close();
      note(`${asPortkeyError(error).message}: the data will not be verified`);
      return new EvidenceGatherer(true, undefined, clock, note);
    }
  }

  async finish(): Promise<Evidence> {
    if (this.client === undefined) return noEvidence;
    try {
      return await this.gather(this.client);
    } catch (error) {
      this.note(`the data was not verified: ${asPortkeyError(error).message}`);
      return noEvidence;
    }
  }

  [Symbol.dispose](): void {
    this.client?.close();
  }

  private async gather(client: RpcClient<'Workload'>): Promise<Evidence> {
    const status = await this.firstReply(client);
    const workload = {
      name: status.kind,
      memoryBytes: status.memoryBytes,
      writeBytesPerSecond: status.writeBytesPerSecond,
    };
    const clientPauseSeconds = status.longestPauseSeconds;
    try {
      const verdict = await client.call('Verify', {}, { deadlineMs: verifyMs });
      const verified = verdict.lostWrites === 0 && verdict.corruptValues === 0 && status.refusedWrites === 0;
      return { workload, verified, clientPauseSeconds, connectionKept: verdict.connectionKept };
    } catch (error) {
      this.note(`the data cannot be read: ${asPortkeyError(error).message}`);
      return { workload, verified: false, clientPauseSeconds, connectionKept: status.connectionKept };
    }
  }

  private async firstReply(client: RpcClient<'Workload'>): Promise<WorkloadStatus> {
    const ask = (): Promise<WorkloadStatus> => client.call('GetStatus', {}, { deadlineMs: askMs });
    const deadline = this.clock.monotonicMs() + firstReplyMs;
    const first = await ask();
    let status = first;
    while (status.replies === first.replies && status.connectionKept && this.clock.monotonicMs() < deadline) {
      await this.clock.sleep(pollMs);
      status = await ask();
    }
    return status;
  }
}
