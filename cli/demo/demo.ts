/**
 * `npm start`: the whole story on one machine, from packages to the table.
 *
 *   packages → test bed up → workload on vm-a → criu mode to vm-b → portkey mode back to vm-a → table, report files
 *
 * Both migrations move the same container between the same VMs, one after the other. The test bed is taken down
 * whatever happens after it came up, unless it is to be kept; one that was up before is not touched.
 *
 * Ctrl-C during a migration asks for its rollback, which ends the story with the figures there are; a second one does
 * not wait for it. Too late for a rollback, the migration completes and the story goes on. At any other time Ctrl-C
 * abandons the step that runs. Taking down is not interrupted.
 */
import { PortkeyError } from '../../libraries/errors/index.js';
import { operatorOf } from '../../testbed/certificates.js';
import { certificatesFolder } from '../../testbed/topology.js';
import { down, up, type TestbedState, type UpOptions } from '../../testbed/index.js';
import type { RedisWorkload } from '../../testbed/workload/index.js';
import type { Cli } from '../cli.js';
import { Controller } from '../controller.js';
import { abortOnInterrupt } from '../interrupts.js';
import { migrate, wireModes, type Migrated } from '../migrate/migrate.js';
import type { ModeName } from '../options.js';
import { comparableModes } from '../report/comparison.js';
import { renderReport } from '../report/page.js';
import { testbedFacts, writeFiles, type ReportFile } from '../report/report-file.js';
import { runWorkload } from '../workload/run.js';
import { workloadPlaceOf } from '../workload-place.js';
import { comparisonTable } from './comparison-table.js';
import { installPackages } from './packages.js';

const container = 'web';
const sides = ['source', 'destination'] as const;

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
  requireRoot();
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

/** The test bed says so too, but only after packages have been installed. */
function requireRoot(): void {
  if (process.getuid?.() === 0) return;
  throw new PortkeyError(
    'testbed-failed',
    'the demonstration needs root, because its test bed makes network namespaces; run it with sudo',
  );
}

async function bothMigrations(cli: Cli, testbed: TestbedState, workload: RedisWorkload): Promise<Migrated[]> {
  const place = workloadPlaceOf(cli.places);
  using controller = new Controller(testbed.controller, operatorOf(certificatesFolder(cli.places.runtime)));
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
  const migrations: Migrated[] = [];
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
    if (migration.report.outcome !== 'completed') break;
  }
  return migrations;
}

async function conclude(
  testbed: TestbedState,
  migrated: readonly Migrated[],
  outFolder: string,
): Promise<DemoResult> {
  const migrations = migrated.map((each) => each.report);
  const report: ReportFile = { version: 1, testbed: testbedFacts(testbed), migrations };
  const files = await writeFiles(outFolder, {
    'report.json': `${JSON.stringify(report, null, 2)}\n`,
    'report.html': renderReport(report, { title: 'Portkey and CRIU mode side by side' }),
  });
  const modes = comparableModes(migrations);
  const wanted: ModeName[] = ['criu', 'portkey'];
  const shortcomings = wanted.flatMap((mode, index) => {
    const migration = migrated[index];
    if (migration === undefined) return [`the migration in ${mode} mode was not tried`];
    return demoShortcoming(migration, mode) ?? [];
  });
  return { report, files, table: modes === undefined ? '' : comparisonTable(modes), shortcomings };
}

/** Here nothing may be left open: a side whose CPU was not measured is a failure too. */
function demoShortcoming({ report, problem }: Migrated, mode: ModeName): string | undefined {
  if (problem !== undefined) return `${mode} mode: ${problem}`;
  if (report.mode !== mode) return `${mode} mode: the migration fell back to ${report.mode} mode`;
  if (report.verified !== true || report.connectionKept !== true)
    return `${mode} mode: the workload's client could not be asked`;
  const unmeasured = sides.filter((side) => report.cpuSeconds[side] === null);
  if (unmeasured.length > 0)
    return `${mode} mode: the CPU of the ${unmeasured.join(' and the ')} host was not measured`;
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
