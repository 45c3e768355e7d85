/**
 * Migrations that another run of the controller left unfinished, or ended without having removed all that it had to.
 *
 * What was committed or activated is finished, what was not is aborted and rolled back, and what was aborted or reverted is
 * undone again: nobody knows how far that had come. What has ended stays as it ended, and what it owes is done. Nothing is asked
 * of the agents first; the record in Redis has decided.
 */
import { isErrorCode, PortkeyError } from '../../../libraries/errors/index.js';
import type { RecoveredReport } from '../report/recovered-report.js';
import { reasonOf, type MigrationRecord } from '../state/index.js';
import { complete } from './complete.js';
import { finish } from './finish.js';
import type { Migration } from './migration.js';
import { payOff } from './owed.js';
import { rollBack } from './roll-back.js';

/** `migration` is the record's, with the epoch under which this controller has taken it over. */
export async function recoverMigration(
  migration: Migration<RecoveredReport>,
  record: MigrationRecord,
): Promise<void> {
  findSides(migration, record);
  const { sides } = migration;
  if (record.state === 'committed' && sides !== undefined) await complete(migration, sides);
  else if (record.state === 'activated' && sides !== undefined) await finish(migration, sides);
  else await rollBack(migration, whyAborted(record), record.state === 'reverted' ? 'reverted' : 'aborted');
}

/** For a record that is final. Ends when nothing is left of the migration, or the controller stops. */
export async function recoverOwed(migration: Migration, record: MigrationRecord): Promise<void> {
  findSides(migration, record);
  await payOff(migration, record);
}

/** Nobody knows which sides had been touched, so both count as such. Throws `vm-unknown`. */
function findSides(migration: Migration, record: MigrationRecord): void {
  if (record.from === '') return;
  const { vms } = migration.tools;
  migration.sides = { source: vms.get(record.from), destination: vms.get(record.to) };
  migration.touched.source = true;
  migration.touched.destination = true;
  migration.boots.source = record.sourceBoot;
  migration.boots.destination = record.destinationBoot;
}

function whyAborted(record: MigrationRecord): PortkeyError {
  const reason = reasonOf(record);
  if (reason !== undefined && isErrorCode(reason.code)) return new PortkeyError(reason.code, reason.message);
  return new PortkeyError(
    'service-unavailable',
    `the controller stopped while the migration was ${record.state}; try again`,
  );
}
