/**
 * One migration as a user sees it: with progress, with the evidence of the workload's client, as one report.
 */
import type { WorkloadPlace } from '../../testbed/workload/index.js';
import type { Cli } from '../cli.js';
import type { Controller, MigrateRequest } from '../controller.js';
import type { ModeName } from '../options.js';
import type { MigrationReport } from '../report/migration-report.js';
import { EvidenceGatherer } from './evidence.js';
import { followMigration } from './follow.js';
import { migrationView } from './view.js';

export const wireModes = { portkey: 'MODE_PORTKEY', criu: 'MODE_CRIU' } as const satisfies Record<
  ModeName,
  string
>;

export interface Migrated {
  readonly report: MigrationReport;
  /** Why it is not a success for whoever reads the exit code; undefined where it is one. */
  readonly problem: string | undefined;
}

/** Resolves also for a migration that failed or was rolled back. Throws as `followMigration` does. */
export async function migrate(
  cli: Pick<Cli, 'output' | 'clock' | 'interrupts'>,
  controller: Controller,
  place: WorkloadPlace,
  request: MigrateRequest & { readonly container: string; readonly to: string },
): Promise<Migrated> {
  const mode = request.mode === 'MODE_CRIU' ? 'criu' : 'portkey';
  const { output, clock } = cli;
  using evidence = await EvidenceGatherer.begin(place, request.container, clock, (line) => output.note(line));
  let outcome: MigrationReport;
  {
    using view = migrationView(output, clock, `${request.container} → ${request.to} (${mode})`);
    outcome = await followMigration(controller, request, view, cli.interrupts);
  }
  const report = { ...outcome, ...(await evidence.finish()) };
  return { report, problem: shortcoming(report, evidence.isExpected) };
}

/** `hasClient`: the container is a built-in workload, whose client must have answered. */
export function shortcoming(report: MigrationReport, hasClient: boolean): string | undefined {
  if (report.outcome !== 'completed')
    return report.error?.message ?? `the migration was ${report.outcome ?? 'lost'}`;
  if (report.verified === false)
    return `${report.container}: data that was acknowledged is gone or damaged; see 'portkey verify ${report.container}'`;
  if (report.connectionKept === false) return `${report.container}: the client's connection broke`;
  if (hasClient && (report.verified === null || report.connectionKept === null))
    return `${report.container}: the workload's client did not answer, so nobody knows whether its data is there; see 'portkey verify ${report.container}'`;
  return undefined;
}
