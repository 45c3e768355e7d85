/**
 * Migrate: has a migration accepted and tells its client all of it. The client may leave; the migration goes on.
 *
 * One that cannot begin, because its container is not free or Redis does not answer, is refused like one that
 * preflight refuses: with a report, and nothing was touched.
 */
import { PortkeyError } from '../../../libraries/errors/index.js';
import type { MigrateRequest } from '../../../libraries/rpc/index.js';
import { unstartedReport } from '../migration/build.js';
import type { Tools, Wish } from '../migration/migration.js';
import type { Migrations } from '../migration/migrations.js';
import { wishOf } from '../migration/wish.js';
import { busyError, type MigrationEvent } from '../state/index.js';
import { follow, type FollowParts } from './follow.js';

/** Ends with the event that has the report. Throws `invalid-argument`. */
export async function* migrate(
  tools: Tools,
  parts: FollowParts,
  request: MigrateRequest,
  signal: AbortSignal,
): AsyncGenerator<MigrationEvent> {
  const wish = wishOf(tools.newId(), request);
  const obstacle = await accept(parts.migrations, wish);
  if (obstacle !== undefined) yield await refusal(tools, wish, obstacle);
  else yield* follow(parts, wish.id, signal);
}

/** Why it could not begin. */
export async function accept(migrations: Migrations, wish: Wish): Promise<PortkeyError | undefined> {
  try {
    const busy = await migrations.accept(wish);
    return busy === undefined ? undefined : busyError(wish.container, busy.busyWith);
  } catch (thrown) {
    if (thrown instanceof PortkeyError && thrown.code === 'state-store-unavailable') return thrown;
    throw thrown;
  }
}

/** The one event of a migration that could not begin. */
export async function refusal(
  tools: Tools,
  wish: Wish,
  { code, message }: PortkeyError,
): Promise<MigrationEvent> {
  const report = await unstartedReport(tools, wish).final('refused', { code, message });
  return {
    ...{ id: wish.id, state: 'refused', kind: 'transition', text: `refused: ${message}` },
    ...{ at: tools.clock.wallTime().toISOString(), data: '', report: JSON.stringify(report) },
  };
}
