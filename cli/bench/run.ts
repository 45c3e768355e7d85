/**
 * Runs the experiment on the test bed that is up: for each size and write rate one container, migrated to and fro.
 *
 * A migration that does not complete is part of the result; the next one starts from where the container is. A
 * container that lost data ends the experiment: its figures would say nothing.
 */
import { PortkeyError } from '../../libraries/errors/index.js';
import { formatBytes, formatSeconds } from '../../libraries/units/index.js';
import { stopWorkload, type WorkloadPlace } from '../../testbed/workload/index.js';
import type { Cli } from '../cli.js';
import type { Controller } from '../controller.js';
import { migrate, wireModes } from '../migrate/migrate.js';
import type { ModeName } from '../options.js';
import type { MigrationReport } from '../report/migration-report.js';
import { runWorkload } from '../workload/run.js';
import { cellsOf, modeOrder, type Cell } from './matrix.js';

const container = 'bench';

export interface BenchOptions {
  readonly sizes: readonly number[];
  readonly writeRates: readonly number[];
  readonly modes: readonly ModeName[];
  readonly repeat: number;
}

export async function runBench(
  cli: Cli,
  controller: Controller,
  place: WorkloadPlace,
  options: BenchOptions,
): Promise<MigrationReport[]> {
  const vms = (await controller.cluster()).vms.map(({ name }) => name);
  const [home, away] = vms;
  if (home === undefined || away === undefined)
    throw new PortkeyError('invalid-argument', `the experiment needs two VMs, there are ${vms.length}`);
  const order = modeOrder(options.modes, options.repeat);
  const migrations: MigrationReport[] = [];
  for (const cell of cellsOf(options.sizes, options.writeRates)) {
    cli.output.note(
      `${formatBytes(cell.memoryBytes)}, ${formatBytes(cell.writeBytesPerSecond)}/s: ${order.length} migrations`,
    );
    migrations.push(...(await runCell(cli, controller, place, cell, order, [home, away])));
  }
  return migrations;
}

async function runCell(
  cli: Cli,
  controller: Controller,
  place: WorkloadPlace,
  cell: Cell,
  order: readonly ModeName[],
  [home, away]: readonly [string, string],
): Promise<MigrationReport[]> {
  const migrations: MigrationReport[] = [];
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
      const report = await migrate(cli, controller, place, { container, to, mode: wireModes[mode] });
      migrations.push(report);
      cli.output.note(`  ${mode}: ${report.outcome ?? 'lost'} in ${formatSeconds(report.totalSeconds)}`);
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
  return migrations;
}
