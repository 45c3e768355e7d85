/** What a migration leaves in the guests, which is nothing but the container. */
import assert from 'node:assert/strict';

import { inGuest } from './portkey.js';

/** Everything that a migration may leave in a guest besides the container itself, by a shell command that lists it. */
const leftovers =
  'find /run/portkey/departures /run/portkey/arrivals /run/portkey/images /mnt/portkey/landing ' +
  '/mnt/portkey/outgoing /run/portkey/containers /run/netns -mindepth 1 -maxdepth 1 2>/dev/null; pgrep -l criu; true';

/** Where a migration from vm-a to vm-b did not come through. */
export async function assertOnlySourceHas(name: string): Promise<void> {
  assert.equal((await inGuest('vm-b', leftovers)).trim(), '', 'nothing is left on the destination');
  assert.equal(
    (await inGuest('vm-a', leftovers)).trim(),
    `/run/portkey/containers/${name}\n/run/netns/portkey-${name}`,
    'only the container is on the source',
  );
}
