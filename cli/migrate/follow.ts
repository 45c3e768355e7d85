/**
 * Starts a migration and follows it to its end.
 *
 * Ctrl-C once asks the controller to cancel and goes on following, because only the outcome says whether the rollback
 * came before the commit. Ctrl-C twice leaves: the migration is the controller's and ends without us. Before the
 * first event there is nothing to cancel by name, so a Ctrl-C then is remembered until there is.
 */
import { asPortkeyError, PortkeyError } from '../../libraries/errors/index.js';
import type { Controller, MigrateRequest } from '../controller.js';
import type { Interrupts } from '../interrupts.js';
import { parseReport, type MigrationReport } from '../report/migration-report.js';
import type { MigrationView } from './view.js';

/** Throws what the controller refuses before there is a report, and `cancelled` where the user left. */
export async function followMigration(
  controller: Controller,
  request: MigrateRequest,
  view: MigrationView,
  interrupts: Interrupts,
): Promise<MigrationReport> {
  const wish = new CancelWish(controller, view);
  const handler = interrupts.on(() => wish.interrupt());
  try {
    return await Promise.race([readEvents(controller, request, view, wish), wish.leaving]);
  } finally {
    handler[Symbol.dispose]();
  }
}

async function readEvents(
  controller: Controller,
  request: MigrateRequest,
  view: MigrationView,
  wish: CancelWish,
): Promise<MigrationReport> {
  let id = '';
  for await (const event of controller.migrate(request)) {
    id = event.id;
    wish.migrationIs(id);
    view.show(event);
    if (event.report === '') continue;
    const report = parseReport(event.report);
    if (report.retriedBy === null) return report;
    view.note(`trying again, as ${report.retriedBy}: ${report.error?.message ?? ''}`);
  }
  throw new PortkeyError(
    'internal',
    `the controller stopped talking about migration ${id} before it ended; see 'portkey migrations ${id}'`,
  );
}

class CancelWish {
  /** Rejects when the user wants to leave. */
  readonly leaving: Promise<never>;
  private leave: (error: PortkeyError) => void = () => undefined;
  private id = '';
  private interrupts = 0;

  constructor(
    private readonly controller: Controller,
    private readonly view: MigrationView,
  ) {
    this.leaving = new Promise((_, reject) => (this.leave = reject));
    this.leaving.catch(() => undefined);
  }

  migrationIs(id: string): void {
    if (this.id === id) return;
    // The first one, or the next try.
    this.id = id;
    if (this.interrupts > 0) this.cancel();
  }

  interrupt(): void {
    this.interrupts += 1;
    if (this.interrupts === 1) {
      this.view.note('cancelling: waiting for the rollback (Ctrl-C again leaves the migration to itself)');
      if (this.id !== '') this.cancel();
      return;
    }
    const watch = this.id === '' ? 'portkey migrations' : `portkey watch ${this.id}`;
    this.leave(new PortkeyError('cancelled', `the migration goes on without this command; see '${watch}'`));
  }

  private cancel(): void {
    this.controller.cancel(this.id).catch((error: unknown) => {
      this.view.note(`not cancelled: ${asPortkeyError(error).message}`);
    });
  }
}
