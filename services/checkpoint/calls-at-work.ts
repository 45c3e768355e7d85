/**
 * Which calls are at work in a migration: a rollback and a finish wait for them, because they must not take away what
 * another call still uses.
 *
 * A call may be added while an earlier one is at work: one of a controller that has been replaced may come at any
 * time. Invariant: what is waited for settles when all calls that were added by then have, and never fails.
 */
export class CallsAtWork {
  private readonly byMigration = new Map<string, Promise<unknown>>();

  /** Returns `work`, whose outcome is the caller's. */
  add<T>(migrationId: string, work: Promise<T>): Promise<T> {
    const all = Promise.allSettled([this.byMigration.get(migrationId), work]).then(() => {
      if (this.byMigration.get(migrationId) === all) this.byMigration.delete(migrationId);
    });
    this.byMigration.set(migrationId, all);
    return work;
  }

  async settled(migrationId: string): Promise<void> {
    await this.byMigration.get(migrationId);
  }
}
