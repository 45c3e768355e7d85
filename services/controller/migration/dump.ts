/**
 * Phase 4, the last round and CRIU's final dump, both of the frozen container.
 */
import { formatSeconds } from '../../../libraries/units/index.js';
import { transferDeadlineMs } from '../limits.js';
import type { Frozen } from './freeze.js';
import type { LiveMigration } from './migration.js';
import { roundLine, runRound } from './round.js';

/** The container's whole state has been read. */
export interface Dumped extends Frozen {
  /** How long the pages that were left took; what remains of the downtime hardly depends on memory. */
  readonly lastRoundSeconds: number;
}

/**
 * The pages that were left when the container froze, in the mode that sends them in a round of their own. Returns
 * how long they took, or, where they are part of the dump, should take.
 */
export async function finalRound(migration: LiveMigration, frozen: Frozen): Promise<number> {
  if (!frozen.transport.hasFrozenRound) return frozen.expectedLastRoundSeconds;
  const index = frozen.roundsDone;
  const result = await runRound(migration, frozen, index, true, frozen.outlook);
  const round = migration.report.addRound(index, result, true);
  migration.journal.note('progress', roundLine(index, result), { round: index, result: round });
  return result.seconds;
}

export async function dump(
  migration: LiveMigration,
  frozen: Frozen,
  lastRoundSeconds: number,
): Promise<Dumped> {
  const { sides, description, transport, roundsDone } = frozen;
  const deadlineMs = transferDeadlineMs(migration.tools.limits, description.memoryBytes);
  const pageServer = await transport.pageServer(roundsDone, true);
  const dumped = await sides.source.checkpoint.call(
    'Dump',
    { migration: migration.ref, pageServer },
    migration.callOptions(deadlineMs),
  );
  migration.report.addFinalDump(dumped, !transport.hasFrozenRound);
  await migration.advance(
    'dumped',
    `CRIU wrote ${dumped.criuPages} pages itself and found ${dumped.parentPages} sent already, ` +
      `in ${formatSeconds(dumped.seconds)}`,
    dumped,
  );
  return { ...frozen, lastRoundSeconds };
}
