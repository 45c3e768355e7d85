/**
 * Migrate: starts a migration and tells its client all of it. The client may leave; the migration goes on.
 */
import { randomBytes } from 'node:crypto';

import { PortkeyError } from '../../../libraries/errors/index.js';
import type { Clock } from '../../../libraries/process/index.js';
import type { MigrateRequest } from '../../../libraries/rpc/index.js';
import { newMigrationId } from '../migration/migration-id.js';
import type { Migrations } from '../migration/migrations.js';
import { wishOf } from '../migration/wish.js';
import { busyError, type MigrationEvent } from '../state/index.js';

/** Ends with the event that has the report. Throws `invalid-argument` and `state-store-unavailable`. */
export async function* migrate(
  migrations: Migrations,
  clock: Clock,
  request: MigrateRequest,
  signal: AbortSignal,
): AsyncGenerator<MigrationEvent> {
  const id = newMigrationId(clock.wallTime(), () => randomBytes(2).toString('hex'));
  const wish = wishOf(id, request);
  const started = await migrations.start(wish);
  if ('busyWith' in started) {
    const { code, message } = busyError(wish.container, started.busyWith);
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
