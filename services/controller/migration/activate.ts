/**
 * Phase 8, activate: the destination's copy goes on the network and runs. Here the downtime ends.
 *
 * The decision has been made, so this is tried until it works, and the source is not touched before Redis knows that it has
 * (complete.ts).
 *
 * Two things make it impossible for ever, and then the source's copy, frozen since before, is all there is: the destination's
 * VM was started anew since the migration reserved room there; or tasks of that copy were killed, and none has run, or none is
 * left. In the first case and in the last it may have run without Redis having heard of it: for a call's time, or, where Redis
 * was away or the controller died at that moment, until then. What it told a client in that time is lost with it, and the report
 * says so.
 */
import { asPortkeyError, type PortkeyError } from '../../../libraries/errors/index.js';
import { formatSeconds } from '../../../libraries/units/index.js';
import { firstTaskRan } from '../accounting/downtime.js';
import { isWorthAWord, retry } from '../retry.js';
import type { Vm } from '../vms/vm.js';
import { isAnotherBoot } from './boots.js';
import { LeftToRecovery } from './left-to-recovery.js';
import type { Migration, Sides } from './migration.js';

export interface Activation {
  /** Where it is known. */
  readonly downtimeSeconds?: number | undefined;
  /** Set where the destination's copy is gone for good, and Redis does not know that it ran: what happened, for people. */
  readonly lostBecause?: string;
}

type Answer =
  | { readonly ranAtSeconds: number }
  | { readonly lostBecause: string }
  /** Another controller decides, or an operator has (portkey rescue). */
  | 'not-ours';

/** Throws LeftToRecovery. */
export async function activate(migration: Migration, { destination }: Sides): Promise<Activation> {
  const { clock, limits } = migration.tools;
  const { journal, subject } = migration;
  const onFailure = (error: PortkeyError, tries: number): void => {
    if (!isWorthAWord(tries)) return;
    migration.warn(
      `container '${subject.container}' cannot be activated on ${destination.name} yet: ${error.message}; ` +
        'it is committed there, so this is tried until it works',
    );
  };
  let answer: Answer;
  try {
    answer = await retry({ clock, limits, until: migration.until, patienceMs: Infinity, onFailure }, () =>
      activateNow(migration, destination),
    );
  } catch (thrown) {
    const why = migration.isLost ? 'another controller has taken over' : 'the controller stops';
    throw new LeftToRecovery(`${why} before the activation: ${asPortkeyError(thrown).message}`);
  }
  if (answer === 'not-ours')
    throw new LeftToRecovery(`migration ${subject.id} is not this controller's any more`);
  if ('lostBecause' in answer) return answer;
  const downtimeSeconds = migration.report.markRunning(answer.ranAtSeconds);
  const after = downtimeSeconds === undefined ? '' : ` after ${formatSeconds(downtimeSeconds)} of downtime`;
  journal.note('progress', `container '${subject.container}' runs on ${destination.name}${after}`);
  return { downtimeSeconds };
}

async function activateNow(migration: Migration, destination: Vm): Promise<Answer> {
  const { boots, ref, stopwatch, subject, tools } = migration;
  const sentSeconds = stopwatch.elapsedSeconds();
  try {
    const options = { deadlineMs: tools.limits.stepMs };
    const { seconds } = await destination.restore.call('Activate', ref, options);
    const answeredSeconds = stopwatch.elapsedSeconds();
    return { ranAtSeconds: firstTaskRan({ sentSeconds, answeredSeconds, ranSeconds: seconds }) };
  } catch (thrown) {
    const { code, message } = asPortkeyError(thrown);
    if (code === 'destination-lost') return { lostBecause: message };
    if (code !== 'stale-epoch') throw thrown;
    const { bootId } = await destination.restore.ask('GetNode', {}, { deadlineMs: tools.limits.questionMs });
    if (isAnotherBoot(boots.destination, bootId))
      return { lostBecause: lostWith(destination, subject.container) };
    const record = await tools.store.get(subject.id);
    if (record?.epoch !== subject.epoch) return 'not-ours';
    throw thrown;
  }
}

function lostWith({ name }: Vm, container: string): string {
  return (
    `${name} was started anew after the commit, before Redis knew that container '${container}' ran there; ` +
    'if it did, what it has done since the freeze is lost'
  );
}
