/**
 * One round: asks the source for it and passes its progress on, as often as it comes.
 */
import { PortkeyError } from '../../../libraries/errors/index.js';
import type { FrozenDirty, RoundProgress, RoundResult } from '../../../libraries/rpc/index.js';
import { formatBytes, formatSeconds, PAGE_BYTES } from '../../../libraries/units/index.js';
import { transferDeadlineMs } from '../limits.js';
import type { LiveMigration } from './migration.js';
import type { Reserved } from './preflight.js';

/** Agents send one a second or so. One that sends more is read no faster, so that the others' migrations have this process, too. */
const leastPauseMs = 20;

/** What a follower sees while rounds run; also the `data` of progress events. */
export interface RoundOutlook {
  readonly dirtyPagesPerSecond: number;
  readonly predictedDowntimeSeconds: number | null;
}

export async function runRound(
  migration: LiveMigration,
  { sides, description, transport, wish }: Reserved,
  index: number,
  last: boolean,
  outlook: RoundOutlook,
): Promise<RoundResult> {
  const { clock, limits } = migration.tools;
  const pageServer = await transport.pageServer(index, false);
  const deadlineMs = transferDeadlineMs(limits, description.memoryBytes, wish.bytesPerSecond);
  const startMs = clock.monotonicMs();
  let shownMs = startMs;
  let heardMs = startMs;
  const progress = sides.source.checkpoint.stream(
    'Round',
    { migration: migration.ref, index, last, pageServer },
    migration.callOptions(deadlineMs),
  );
  for await (const message of progress) {
    if (message.result !== null) return message.result;
    const nowMs = clock.monotonicMs();
    if (nowMs - heardMs < leastPauseMs) await clock.sleep(leastPauseMs);
    heardMs = nowMs;
    if (nowMs - shownMs < limits.progressMs) continue;
    shownMs = nowMs;
    showProgress(migration, index, message, (nowMs - startMs) / 1000, outlook);
  }
  throw new PortkeyError(
    'scan-failed',
    `${sides.source.checkpoint.peer} ended round ${index} without a result; see its log`,
  );
}

function showProgress(
  migration: LiveMigration,
  index: number,
  { pagesSent, pagesTotal, hypercalls }: RoundProgress,
  seconds: number,
  outlook: RoundOutlook,
): void {
  const bytesPerSecond = (pagesSent * PAGE_BYTES) / seconds;
  const of = pagesTotal > 0 ? ` of ${pagesTotal}` : '';
  migration.journal.note(
    'progress',
    `round ${index}: ${pagesSent}${of} pages, ${formatBytes(bytesPerSecond)}/s`,
    { round: index, pagesSent, pagesTotal, hypercalls, bytesPerSecond, seconds, ...outlook },
  );
}

/** The line that ends a round. */
export function roundLine(index: number, result: RoundResult): string {
  return (
    `round ${index}: ${result.pages} pages (${formatBytes(result.bytes)}) in ${formatSeconds(result.seconds)}, ` +
    `${result.dirtyPagesAfter} written meanwhile` +
    (result.frozenDirty === null ? '' : `; ${frozenDirtyText(result.frozenDirty)}`)
  );
}

function frozenDirtyText({ leftToCriu, dirtyPages, totalPages, limitPages }: FrozenDirty): string {
  return (
    `${dirtyPages} of ${totalPages} pages dirty when frozen, up to ${limitPages} are left to CRIU → ` +
    (leftToCriu ? 'leave them' : 'send them')
  );
}
