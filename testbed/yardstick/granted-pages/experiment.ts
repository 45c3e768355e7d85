/**
 * The landing experiment on a test bed that is up: every way in turn, as often as there are passes, after a pass of each
 * that is not counted; then whether pinned pages stay where they are.
 *
 * Whatever ends it, nothing of it is left on the hosts, and in the guest nothing either if it still answers.
 */
import { rm } from 'node:fs/promises';
import path from 'node:path';

import { PortkeyError } from '../../../libraries/errors/index.js';
import { formatBytes } from '../../../libraries/units/index.js';
import type { Places } from '../../paths.js';
import type { TestbedState } from '../../state.js';
import { throwIfStopped, type Tools } from '../../tools.js';
import { topologyOf } from '../../topology.js';
import { GuestHalf } from './guest-half.js';
import type { Moved } from './guest-messages.js';
import { HostCpuMeter } from './host-cpu.js';
import { Passes, shareFolder } from './pass.js';
import { passageLine, type WayPassages } from './table.js';
import { ways } from './ways.js';

export interface Findings {
  readonly ways: readonly WayPassages[];
  readonly compaction: Moved;
}

export interface ExperimentRequest {
  readonly byteLength: number;
  readonly passes: number;
}

/** What the guest needs besides what the container takes twice: its kernel, its agents, the program. */
const guestSpareBytes = 2 ** 30;

export function vmMemoryFor(byteLength: number): number {
  return 2 * byteLength + guestSpareBytes;
}

/** Throws `invalid-argument` where the test bed's VMs are too small or too few, `command-failed`, and the signal's reason. */
export async function runExperiment(
  { byteLength, passes }: ExperimentRequest,
  testbed: TestbedState,
  places: Places,
  tools: Pick<Tools, 'clock' | 'signal' | 'report'>,
): Promise<Findings> {
  const [source, destination] = topologyOf(testbed.vms.length, places.runtime).vms;
  if (source === undefined || destination === undefined || testbed.vmMemoryBytes < vmMemoryFor(byteLength))
    throw new PortkeyError(
      'invalid-argument',
      `${formatBytes(byteLength)} needs two VMs of ${formatBytes(vmMemoryFor(byteLength))}, and the test bed has ` +
        `${testbed.vms.length} of ${formatBytes(testbed.vmMemoryBytes)}; take it down, or choose a smaller size`,
    );
  const { signal, report } = tools;
  const place = { source, destination, runtime: places.runtime, build: path.join(places.project, 'build') };
  using meter = new HostCpuMeter(destination, signal);
  await using guest = await GuestHalf.start(destination, signal);
  const all = ways.map((way) => ({ way, passages: [] as WayPassages['passages'][number][] }));
  const pass = new Passes(place, guest, meter, byteLength, tools);
  try {
    for (let count = 0; count <= passes; count += 1) {
      for (const { way, passages } of all) {
        throwIfStopped(signal);
        const passage = await pass.run(way);
        const counted = count === 0 ? 'warm-up' : `${count} of ${passes}`;
        report(`${way.name}, ${counted}: ${passageLine(passage)}`);
        if (count > 0) passages.push(passage);
      }
    }
    report('compacting memory with pages pinned');
    const { moved } = await guest.ask({
      do: 'compact',
      folder: guest.folder('small'),
      byteLength: byteLength / 2,
    });
    if (moved === undefined) throw new PortkeyError('internal', 'the guest did not say what has moved');
    return { ways: all.map(({ way: { name }, passages }) => ({ name, passages })), compaction: moved };
  } finally {
    await rm(path.join(destination.share, shareFolder), { recursive: true, force: true });
    await rm(pass.sourceFile, { force: true });
  }
}
