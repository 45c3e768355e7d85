/** What the test bed's controllers know of migrations, the newest first: what `portkey migrations` prints. */
import { historyEntry, type HistoryEntry } from '../../../cli/commands/migrations.js';
import { Controller, controllerSecurity, livingController } from '../../../cli/controller.js';
import { parseReport } from '../../../cli/report/migration-report.js';
import { findTestbed } from '../../../testbed/find.js';
import { placesOf } from '../../../testbed/paths.js';
import { controllersOf } from '../../../testbed/state.js';
import { certificatesFolder } from '../../../testbed/topology.js';

/** `error`: the code of the one that it ended with, '' without one or before its end. */
export type KnownMigration = HistoryEntry & { readonly error: string };

export async function migrations(): Promise<KnownMigration[]> {
  const places = placesOf(process.env);
  const testbed = await findTestbed(places);
  if (testbed === undefined) throw new Error('the test bed is down');
  const addresses = controllersOf(testbed, places.runtime);
  const security = controllerSecurity({
    insecure: false,
    named: undefined,
    testbed: certificatesFolder(places.runtime),
  });
  using controller = new Controller(await livingController(addresses, security), security);
  return (await controller.migrations()).map((event) => ({
    ...historyEntry(event),
    error: event.report === '' ? '' : (parseReport(event.report).error?.code ?? ''),
  }));
}
