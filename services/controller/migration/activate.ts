/**
 * Phase 8, activate: the destination's copy goes on the network and runs. Here the downtime ends.
 *
 * The decision has been made and there is no way back, so this is tried until it works, and the source is not
 * touched before it has. A destination that has the container but knows nothing of this migration has activated
 * and released it already, for a controller that did not live to write that down.
 */
import { asPortkeyError } from '../../../libraries/errors/index.js';
import { formatSeconds } from '../../../libraries/units/index.js';
import { firstTaskRan } from '../accounting/downtime.js';
import { retry } from '../retry.js';
import type { Vm } from '../vms/vm.js';
import { LeftToRecovery } from './left-to-recovery.js';
import type { Migration, Sides } from './migration.js';

/** Failures are reported at the first try and then once in so many. */
const reportEvery = 15;

/** Returns the downtime, where it is known. */
export async function activate(migration: Migration, { destination }: Sides): Promise<number | undefined> {
  const { clock, limits, lifetime } = migration.tools;
  const { stopwatch, journal, subject } = migration;
  const attempt = async (): Promise<number> => {
    const sentSeconds = stopwatch.elapsedSeconds();
    const seconds = await activateNow(migration, destination);
    return firstTaskRan({ sentSeconds, answeredSeconds: stopwatch.elapsedSeconds(), ranSeconds: seconds });
  };
  try {
    const ranAt = await retry(
      {
        ...{ clock, limits, until: lifetime, patienceMs: Infinity },
        onFailure: (error, tries) => {
          if (tries % reportEvery !== 1) return;
          migration.warn(
            `container '${subject.container}' cannot be activated on ${destination.name} yet: ${error.message}; ` +
              'it is committed there, so this is tried until it works',
          );
        },
      },
      attempt,
    );
    const downtime = migration.report.markRunning(ranAt);
    const after = downtime === undefined ? '' : ` after ${formatSeconds(downtime)} of downtime`;
    journal.note('progress', `container '${subject.container}' runs on ${destination.name}${after}`);
    return downtime;
  } catch (thrown) {
    throw new LeftToRecovery(`the controller stops before the activation: ${asPortkeyError(thrown).message}`);
  }
}

/** Returns the seconds from the call's arrival to the first task running. */
async function activateNow(migration: Migration, destination: Vm): Promise<number> {
  const { limits, vms } = migration.tools;
  try {
    const result = await destination.restore.call('Activate', migration.ref, { deadlineMs: limits.stepMs });
    return result.seconds;
  } catch (thrown) {
    if (asPortkeyError(thrown).code !== 'stale-epoch') throw thrown;
    const containers = await vms.containersOf(destination);
    if (!containers.some(({ name }) => name === migration.subject.container)) throw thrown;
    return 0;
  }
}
