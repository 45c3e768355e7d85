/**
 * Migrate: starts a migration and tells its client all of it. The client may leave; the migration goes on.
 *
 * One that cannot begin, because its container is not free or Redis does not answer, is refused like one that
 * preflight refuses: with a report, and nothing was touched.
 */
import { randomBytes } from 'node:crypto';

import { PortkeyError } from '../../../libraries/errors/index.js';
import type { Clock } from '../../../libraries/process/index.js';
import type { MigrateRequest } from '../../../libraries/rpc/index.js';
import type { LiveMigration, Wish } from '../migration/migration.js';
import { newMigrationId } from '../migration/migration-id.js';
import type { Migrations } from '../migration/migrations.js';
import { wishOf } from '../migration/wish.js';
import { busyError, type MigrationEvent } from '../state/index.js';

/** Ends with the event that has the report. Throws `invalid-argument`. */
export async function* migrate(
  migrations: Migrations,
  clock: Clock,
  request: MigrateRequest,
  signal: AbortSignal,
): AsyncGenerator<MigrationEvent> {
  const id = newMigrationId(clock.wallTime(), () => randomBytes(2).toString('hex'));
  const wish = wishOf(id, request);
  const started = await begin(migrations, wish);
  if (started instanceof PortkeyError) {
    const { code, message } = started;
    const report = await migrations.unstarted(wish).final('refused', { code, message });
    const at = clock.wallTime().toISOString();
    const text = `refused: ${message}`;
    yield { id, state: 'refused', kind: 'transition', text, at, data: '', report: JSON.stringify(report) };
    return;
  }
  let last: MigrationEvent | undefined;
  for await (const event of started.journal.follow(signal)) yield (last = event);
  if (last?.report === '' && !signal.aborted) {
    throw new PortkeyError(
      'service-unavailable',
      `this controller has let go of migration ${id} before its end; follow it with: portkey watch ${id}`,
    );
  }
}

/** The migration, or why it could not begin. */
async function begin(migrations: Migrations, wish: Wish): Promise<LiveMigration | PortkeyError> {
  try {
    const started = await migrations.start(wish);
    return 'busyWith' in started ? busyError(wish.container, started.busyWith) : started;
  } catch (thrown) {
    if (thrown instanceof PortkeyError && thrown.code === 'state-store-unavailable') return thrown;
    throw thrown;
  }
}
