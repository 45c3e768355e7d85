/**
 * Takes the test bed down, from any state it may be in.
 *
 * Everything is found by what marks it as ours, never by a record: processes by their environment, namespaces by
 * their names, the rest by being in the runtime folder. So it also clears up after a crash, and running it
 * twice, or with nothing there, is fine. Afterwards there is no process, namespace, link, tap, mount, file in
 * /dev/shm or state file; the cache and the logs stay.
 */
import { rm } from 'node:fs/promises';

import { networkNamespaces, removeNetwork } from './network/network.js';
import { exists } from './image/temporary.js';
import type { Places } from './paths.js';
import { removeState } from './state.js';
import { markedProcesses } from './supervision/marker.js';
import { stopMarkedProcesses } from './supervision/stop.js';
import type { Tools } from './tools.js';

/** What there is to take down: one line each; empty when the test bed is down. */
export async function remains(places: Places): Promise<string[]> {
  const processes = await markedProcesses(places.runtime);
  const namespaces = await networkNamespaces();
  return [
    ...processes.map((pid) => `process ${pid}`),
    ...namespaces.map((name) => `network namespace ${name}`),
    ...((await exists(places.runtime)) ? [`folder ${places.runtime}`] : []),
  ];
}

export async function takeDown(places: Places, tools: Pick<Tools, 'runToEnd' | 'clock'>): Promise<void> {
  await removeState(places.state);
  await stopMarkedProcesses(places.runtime, tools.clock);
  await removeNetwork(tools.runToEnd);
  await rm(places.runtime, { recursive: true, force: true });
}
