/**
 * Phase 8, activate: the destination's copy goes on the network and runs. Here the downtime ends.
 *
 * The decision has been made and there is no way back, so this is tried until it works, and the source is not
 * touched before it has, and before Redis knows: from then on the source's copy is out of date (state/states.ts).
 *
 * A destination whose VM was started anew since the migration reserved room there has that copy no more, and cannot run it
 * ever. The source's, frozen since before, is all there is. The lost one may have run without anybody having heard of it, for
 * a call's time, or, where the controller died with it, until another one would have asked; what it told a client in that
 * time is lost with it, as it is when any VM dies, and the report says so.
 */
import { asPortkeyError } from '../../../libraries/errors/index.js';
import { formatSeconds } from '../../../libraries/units/index.js';
import { firstTaskRan } from '../accounting/downtime.js';
import { isWorthAWord, retry } from '../retry.js';
import type { Vm } from '../vms/vm.js';
import { isAnotherBoot } from './boots.js';
import { LeftToRecovery } from './left-to-recovery.js';
import type { Migration, Sides } from './migration.js';

export interface Activation {
  /** Where it is known. */
  readonly downtimeSeconds: number | undefined;
  /** The destination's copy is gone for good, and nobody has heard of it running. */
  readonly isLost: boolean;
}

const lost: Activation = { downtimeSeconds: undefined, isLost: true };

/** Throws LeftToRecovery. */
export async function activate(migration: Migration, { destination }: Sides): Promise<Activation> {
  const { clock, limits } = migration.tools;
  const { stopwatch, journal, subject } = migration;
  const attempt = async (): Promise<number | undefined> => {
    const sentSeconds = stopwatch.elapsedSeconds();
    const seconds = await activateNow(migration, destination);
    if (seconds === undefined) return undefined;
    return firstTaskRan({ sentSeconds, answeredSeconds: stopwatch.elapsedSeconds(), ranSeconds: seconds });
  };
  try {
    const ranAt = await retry(
      {
        ...{ clock, limits, until: migration.until, patienceMs: Infinity },
        onFailure: (error, tries) => {
          if (!isWorthAWord(tries)) return;
          migration.warn(
            `container '${subject.container}' cannot be activated on ${destination.name} yet: ${error.message}; ` +
              'it is committed there, so this is tried until it works',
          );
        },
      },
      attempt,
    );
    if (ranAt === undefined) return lost;
    const downtimeSeconds = migration.report.markRunning(ranAt);
    const after = downtimeSeconds === undefined ? '' : ` after ${formatSeconds(downtimeSeconds)} of downtime`;
    journal.note('progress', `container '${subject.container}' runs on ${destination.name}${after}`);
    return { downtimeSeconds, isLost: false };
  } catch (thrown) {
    const why = migration.isLost ? 'another controller has taken over' : 'the controller stops';
    throw new LeftToRecovery(`${why} before the activation: ${asPortkeyError(thrown).message}`);
  }
}

/** Returns the seconds from the call's arrival to the first task running; undefined where its copy is lost. */
async function activateNow(migration: Migration, destination: Vm): Promise<number | undefined> {
  const { limits } = migration.tools;
  try {
    const result = await destination.restore.call('Activate', migration.ref, { deadlineMs: limits.stepMs });
    return result.seconds;
  } catch (thrown) {
    if (asPortkeyError(thrown).code !== 'stale-epoch') throw thrown;
    const { bootId } = await destination.restore.ask('GetNode', {}, { deadlineMs: limits.questionMs });
    if (isAnotherBoot(migration.boots.destination, bootId)) return undefined;
    throw thrown;
  }
}
