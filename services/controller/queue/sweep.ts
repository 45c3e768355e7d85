/**
 * Finds migrations that nobody works on and nobody will: recorded, not at rest, and without a job. Their controller died
 * between the two, or is of a version that knew no queue, or a mistake has cost them their job.
 *
 * One that has been without a job at two looks in a row gets one. Nobody has been told that it was accepted (api/migrate.ts),
 * so one that has not begun is not begun with now either; it is rolled back like the others.
 */
import { asPortkeyError } from '../../../libraries/errors/index.js';
import type { Tools } from '../migration/migration.js';
import { MigrationQueue } from './migration-queue.js';

/** Looks every `sweepMs` for as long as the controller lives. */
export async function sweep(
  { clock, limits, lifetime, log, store }: Tools,
  queue: MigrationQueue,
): Promise<void> {
  let before = new Set<string>();
  while (!lifetime.aborted) {
    try {
      const orphans = await store.orphans(MigrationQueue.jobPrefix);
      for (const id of orphans.filter((orphan) => before.has(orphan))) {
        log.warn({ id }, 'not at rest, and without a job; it gets one');
        await queue.add(id, 'abandoned');
      }
      before = new Set(orphans);
    } catch (thrown) {
      log.debug(`cannot look for abandoned migrations: ${asPortkeyError(thrown).message}`);
    }
    await clock.sleep(limits.sweepMs, lifetime).catch(() => undefined);
  }
}
