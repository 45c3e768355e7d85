/**
 * A migration that is disturbed and must not come through.
 */
import assert from 'node:assert/strict';

import { startPortkey, type MigrationReport, type Outcome } from './portkey.js';

/** Makes pre-copy take seconds on the fastest machine; Portkey mode only. */
export const slowly = ['--bandwidth', '100mbit'];

/** Migrates a container to vm-b and disturbs that. Where the disturbing itself fails, the migration is ended first. */
export async function rolledBack(
  container: string,
  options: readonly string[],
  disturb: (ended: Promise<Outcome>) => Promise<void>,
): Promise<MigrationReport> {
  const migration = startPortkey(['--json', 'migrate', container, '--to', 'vm-b', ...options]);
  try {
    await disturb(migration.ended);
  } catch (error) {
    migration.signal('SIGINT');
    await migration.ended;
    throw error;
  }
  const { exitCode, stdout, stderr } = await migration.ended;
  assert.equal(exitCode, 1, stderr);
  const report = JSON.parse(stdout) as MigrationReport;
  assert.equal(report.outcome, 'rolled-back');
  return report;
}
