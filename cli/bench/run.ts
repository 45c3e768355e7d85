/**
 * Runs the experiment on the test bed that is up: for each size and write rate one container, migrated to and fro.
 *
 * Each migration is handed on as soon as it has ended, so that what comes after cannot lose it. One that does not
 * complete is part of the result; the next one starts from where the container is. A container that lost data ends
 * the experiment: its figures would say nothing.
 */
import { PortkeyError } from '../../libraries/errors/index.js';
import { formatBytes, formatSeconds } from '../../libraries/units/index.js';
import { stopWorkload, type WorkloadPlace } from '../../testbed/workload/index.js';
import type { Cli } from '../cli.js';
import type { Controller } from '../controller.js';
import { migrate, wireModes, type Migrated } from '../migrate/migrate.js';
import type { ModeName } from '../options.js';
import { runWorkload } from '../workload/run.js';
import { cellsOf, modeOrder, type Cell } from './matrix.js';

const container = 'bench';

export interface BenchOptions {
  readonly sizes: readonly number[];
  readonly writeRates: readonly number[];
  readonly modes: readonly ModeName[];
  readonly repeat: number;
}

export type OnMigration = (migrated: Migrated) => Promise<void>;

export async function runBench(
  cli: Cli,
  controller: Controller,
  place: WorkloadPlace,
  options: BenchOptions,
  onMigration: OnMigration,
): Promise<void> {
  const vms = (await controller.cluster()).vms.map(({ name }) => name);
  const [home, away] = vms;
  if (home === undefined || away === undefined)
    throw new PortkeyError('invalid-argument', `the experiment needs two VMs, there are ${vms.length}`);
  const order = modeOrder(options.modes, options.repeat);
  for (const cell of cellsOf(options.sizes, options.writeRates)) {
    cli.output.note(
      `${formatBytes(cell.memoryBytes)}, ${formatBytes(cell.writeBytesPerSecond)}/s: ${order.length} migrations`,
    );
    await runCell(cli, controller, place, { cell, order, home, away }, onMigration);
  }
}

interface CellRun {
  readonly cell: Cell;
  readonly order: readonly ModeName[];
  readonly home: string;
  readonly away: string;
}

async function runCell(
  cli: Cli,
  controller: Controller,
  place: WorkloadPlace,
  { cell, order, home, away }: CellRun,
  onMigration: OnMigration,
): Promise<void> {
  let at = home;
  await runWorkload(cli, controller, place, {
    vm: home,
    name: container,
    ip: '',
    memoryLimitBytes: 0,
    ...cell,
  });
  try {
    for (const mode of order) {
      const to = at === home ? away : home;
      const migrated = await migrate(cli, controller, place, { container, to, mode: wireModes[mode] });
      await onMigration(migrated);
      const { report, problem } = migrated;
      cli.output.note(`  ${mode}: ${report.outcome ?? 'lost'} in ${formatSeconds(report.totalSeconds)}`);
      if (problem !== undefined) cli.output.note(`  ${problem}`);
      if (report.verified === false)
        throw new PortkeyError(
          'command-failed',
          `migration ${report.id} in ${mode} mode lost data; stopped there`,
        );
      if (report.outcome === 'completed') at = to;
    }
  } finally {
    await controller.stop(container);
    await stopWorkload(place, container, cli.clock);
  }
}
