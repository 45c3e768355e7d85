/**
 * `npm start`: the whole story on one machine, from packages to the table.
 *
 *   packages → test bed up → workload on vm-a → criu mode to vm-b → portkey mode back to vm-a → table, report files
 *
 * Both migrations move the same container between the same VMs, one after the other. The test bed is taken down
 * whatever happens after it came up, unless it is to be kept; one that was up before is not touched. Ctrl-C ends the
 * step that runs (a migration is rolled back) and then takes down.
 */
import { PortkeyError } from '../../libraries/errors/index.js';
import { down, up, type TestbedState, type UpOptions } from '../../testbed/index.js';
import type { RedisWorkload } from '../../testbed/workload/index.js';
import type { Cli } from '../cli.js';
import { Controller } from '../controller.js';
import { abortOnInterrupt } from '../interrupts.js';
import { migrate, shortcoming, wireModes } from '../migrate/migrate.js';
import type { ModeName } from '../options.js';
import { comparableModes } from '../report/comparison.js';
import type { MigrationReport } from '../report/migration-report.js';
import { renderReport } from '../report/page.js';
import { testbedFacts, writeFiles, type ReportFile } from '../report/report-file.js';
import { runWorkload } from '../workload/run.js';
import { workloadPlaceOf } from '../workload-place.js';
import { comparisonTable } from './comparison-table.js';
import { installPackages } from './packages.js';

const container = 'web';

export interface DemoOptions extends UpOptions, RedisWorkload {
  readonly keep: boolean;
  /** Where report.json and report.html go. */
  readonly outFolder: string;
}

export interface DemoResult {
  readonly report: ReportFile;
  readonly files: readonly string[];
  readonly table: string;
  /** What did not hold, one line each; empty for a success. */
  readonly shortcomings: readonly string[];
}

export async function runDemo(cli: Cli, options: DemoOptions): Promise<DemoResult> {
  using interrupt = abortOnInterrupt(cli.interrupts);
  const { signal } = interrupt;
  const report = (line: string): void => cli.output.note(line);
  await installPackages(cli.output, signal);
  const testbed = await up(options, { report, signal });
  try {
    const migrations = await orAborted(signal, bothMigrations(cli, testbed, options));
    return await conclude(testbed, migrations, options.outFolder);
  } finally {
    if (options.keep) report("the test bed stays up; 'portkey testbed down' takes it down");
    else await down({ report });
  }
}

async function bothMigrations(
  cli: Cli,
  testbed: TestbedState,
  workload: RedisWorkload,
): Promise<MigrationReport[]> {
  const place = workloadPlaceOf(cli.places);
  using controller = new Controller(testbed.controller);
  const [home, away] = testbed.vms;
  if (home === undefined || away === undefined)
    throw new PortkeyError('invalid-argument', 'the demonstration needs two VMs');
  await runWorkload(cli, controller, place, {
    vm: home.name,
    name: container,
    ip: '',
    memoryLimitBytes: 0,
    ...workload,
  });
  const migrations: MigrationReport[] = [];
  const steps: [ModeName, string][] = [
    ['criu', away.name],
    ['portkey', home.name],
  ];
  for (const [mode, to] of steps) {
    const migration = await migrate(cli, controller, place, { container, to, mode: wireModes[mode] });
    migrations.push(migration);
    const problem = demoShortcoming(migration, mode);
    cli.output.note(problem ?? `${mode} mode: data verified, same connection`);
    // What follows a migration that did not arrive would not compare with anything.
    if (migration.outcome !== 'completed') break;
  }
  return migrations;
}

async function conclude(
  testbed: TestbedState,
  migrations: readonly MigrationReport[],
  outFolder: string,
): Promise<DemoResult> {
  const report: ReportFile = { version: 1, testbed: testbedFacts(testbed), migrations };
  const files = await writeFiles(outFolder, {
    'report.json': `${JSON.stringify(report, null, 2)}\n`,
    'report.html': renderReport(report, { title: 'Portkey and CRIU mode side by side' }),
  });
  const modes = comparableModes(migrations);
  const wanted: ModeName[] = ['criu', 'portkey'];
  const shortcomings = wanted.flatMap((mode, index) => {
    const migration = migrations[index];
    if (migration === undefined) return [`the migration in ${mode} mode was not tried`];
    return demoShortcoming(migration, mode) ?? [];
  });
  return { report, files, table: modes === undefined ? '' : comparisonTable(modes), shortcomings };
}

/** Here nothing may be left open: a workload that was not verified is a failure too. */
function demoShortcoming(migration: MigrationReport, mode: ModeName): string | undefined {
  const problem = shortcoming(migration);
  if (problem !== undefined) return `${mode} mode: ${problem}`;
  if (migration.mode !== mode) return `${mode} mode: the migration fell back to ${migration.mode} mode`;
  if (migration.verified !== true || migration.connectionKept !== true)
    return `${mode} mode: the workload's client could not be asked`;
  return undefined;
}

/** Rejects with `cancelled` as soon as the signal fires; `work` is then left to fail on its own. */
function orAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const aborted = new Promise<never>((_, reject) => {
    const stop = (): void => reject(new PortkeyError('cancelled', 'stopped on request'));
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
  });
  work.catch(() => undefined);
  return Promise.race([work, aborted]);
}
