/**
 * Migrations that another run of the controller left unfinished.
 *
 * What was committed is finished, what was not is aborted and rolled back, and what was aborted is undone again:
 * nobody knows how far that had come. Nothing is asked of the agents first; the record in Redis has decided.
 */
import { isErrorCode, PortkeyError } from '../../../libraries/errors/index.js';
import type { RecoveredReport } from '../report/recovered-report.js';
import { reasonOf, type MigrationRecord } from '../state/index.js';
import { activate } from './activate.js';
import { finish } from './finish.js';
import type { Migration } from './migration.js';
import { rollBack } from './roll-back.js';

/** `migration` is the record's, with the epoch under which this controller has taken it over. */
export async function recoverMigration(
  migration: Migration<RecoveredReport>,
  record: MigrationRecord,
): Promise<void> {
  if (record.from !== '') {
    const { vms } = migration.tools;
    migration.sides = { source: vms.get(record.from), destination: vms.get(record.to) };
    migration.touched.source = true;
    migration.touched.destination = true;
  }
  if (record.state === 'committed' && migration.sides !== undefined) {
    await activate(migration, migration.sides);
    await finish(migration, migration.sides);
    return;
  }
  await rollBack(migration, whyAborted(record));
}

function whyAborted(record: MigrationRecord): PortkeyError {
  const reason = reasonOf(record);
  if (reason !== undefined && isErrorCode(reason.code)) return new PortkeyError(reason.code, reason.message);
  return new PortkeyError(
    'service-unavailable',
    `the controller stopped while the migration was ${record.state}; try again`,
  );
}
