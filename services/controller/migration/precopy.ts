/**
 * Phase 2, pre-copy: sends the container's memory while it runs, round by round, until freezing it pays more than
 * another round (precopy/decide.ts).
 */
import { PortkeyError } from '../../../libraries/errors/index.js';
import { formatSeconds } from '../../../libraries/units/index.js';
import { decide } from '../precopy/decide.js';
import { explain } from '../precopy/explain.js';
import { measure, type PrecopyTargets } from '../precopy/measure.js';
import type { LiveMigration } from './migration.js';
import type { Reserved } from './preflight.js';
import { roundLine, runRound, type RoundOutlook } from './round.js';
import { throttled } from './throttle.js';

/** What is left is little enough to freeze the container for. */
export interface Precopied extends Reserved {
  readonly roundsDone: number;
  readonly outlook: RoundOutlook;
  /** How long the pages that are left should take. */
  readonly expectedLastRoundSeconds: number;
}

export async function precopy(migration: LiveMigration, reserved: Reserved): Promise<Precopied> {
  const { wish, transport } = reserved;
  await migration.advance(
    'precopy',
    `sending memory in ${transport.mode} mode while the container runs`,
    undefined,
    {
      mode: transport.mode,
      sourceBoot: migration.boots.source,
      destinationBoot: migration.boots.destination,
    },
  );
  if (wish.throttle && transport.mode === 'criu') {
    migration.warn(
      `container '${wish.container}' is not throttled: in criu mode its tasks send their pages themselves`,
    );
  }
  const targets: Omit<PrecopyTargets, 'cpuShare'> = {
    maxRounds: wish.maxRounds,
    maxDowntimeSeconds: wish.maxDowntimeSeconds,
    fixedDowntimeSeconds: migration.tools.fixedCost.seconds(transport.mode),
    // In CRIU mode the tasks themselves send their pages: throttled, they would stand still for longer.
    mayThrottle: wish.throttle && transport.mode === 'portkey',
  };
  let cpuShare = 1;
  const { rounds } = migration.report;
  let outlook: RoundOutlook = { dirtyPagesPerSecond: 0, predictedDowntimeSeconds: null };
  for (let index = 0; ; index++) {
    const result = await runRound(migration, reserved, index, false, outlook);
    const round = migration.report.addRound(index, result, false);
    migration.journal.note('progress', roundLine(index, result), { round: index, result: round });

    const measured = measure(rounds, { ...targets, cpuShare });
    const { state, decision } = await throttled(migration, reserved, measured, decide(measured));
    cpuShare = decision.nextCpuShare;
    migration.journal.note('decision', explain(state, decision, transport.hasFrozenRound), {
      ...state,
      ...decision,
    });
    migration.tools.metrics.roundEnded(transport.mode, state, decision);
    outlook = {
      dirtyPagesPerSecond: state.dirtyPagesPerSecond,
      predictedDowntimeSeconds: decision.predictedDowntimeSeconds,
    };
    if (decision.action === 'give-up') {
      throw new PortkeyError(
        'pages-will-not-settle',
        `container '${wish.container}' writes faster than its pages travel: frozen now it would stand still for ` +
          `${formatSeconds(decision.lastRoundSeconds)}; lift --bandwidth, let it be slowed down with --throttle, or migrate when it writes less`,
      );
    }
    if (decision.action === 'freeze') {
      const expectedLastRoundSeconds = decision.lastRoundSeconds;
      return { ...reserved, roundsDone: index + 1, outlook, expectedLastRoundSeconds };
    }
  }
}
