/**
 * The end of preflight: takes what the migration needs on both sides, in an order that lets each of them still
 * say no. Room for the container and its network namespace at the destination, room for its pages, the container
 * itself at the source, and the stream that joins the two. A refusal at any of these is undone as a whole.
 */
import type { Description } from '../../../libraries/rpc/index.js';
import type { LiveMigration, Sides, Wish } from './migration.js';
import type { Transport } from './transport.js';

export async function reserve(
  migration: LiveMigration,
  wish: Wish,
  { source, destination }: Sides,
  description: Description,
  transport: Transport,
): Promise<void> {
  const options = migration.callOptions(migration.tools.limits.stepMs);
  const mode = transport.mode === 'portkey' ? 'MODE_PORTKEY' : 'MODE_CRIU';
  const ref = migration.ref;
  migration.touched.destination = true;
  await destination.restore.call(
    'Prepare',
    {
      ...{ migration: ref, mode, source: description, sourceVm: source.name },
      bootId: migration.boots.destination,
    },
    options,
  );
  await transport.reserve();
  migration.touched.source = true;
  await source.checkpoint.call(
    'Begin',
    {
      ...{ migration: ref, mode, batch: wish.batch },
      ...{ destinationRestore: transport.imagesTo, destinationVm: destination.name },
      bootId: migration.boots.source,
    },
    options,
  );
  await transport.connect();
}
