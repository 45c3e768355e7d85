/**
 * What the agents of the migrations that count used, and the programs they ran, step by step: the inside of vm-uses.ts.
 *
 * Only migrations whose agent told are in it. A step that one of those did not take, such as a throttle, cost it
 * nothing, so it counts there with 0; a median is otherwise over too few to be set beside the others.
 */
import type { MigrationReport } from '../report/migration-report.js';

/** One value a migration. */
export interface StepSeconds {
  readonly agent: readonly number[];
  readonly programs: readonly number[];
}

/** By the agents' names for the steps, in the order in which they first come. */
export function secondsByStep(
  migrations: readonly Pick<MigrationReport, 'guestCpuSeconds'>[],
  side: 'source' | 'destination',
): Map<string, StepSeconds> {
  const told = migrations.flatMap(({ guestCpuSeconds }) => guestCpuSeconds[side] ?? []);
  const names = new Set(told.flatMap(({ byStep }) => Object.keys(byStep)));
  return new Map(
    [...names].map((name) => [
      name,
      {
        agent: told.map(({ byStep }) => byStep[name]?.agent ?? 0),
        programs: told.map(({ byStep }) => byStep[name]?.programs ?? 0),
      },
    ]),
  );
}
