/**
 * Waits until the VMs have nothing left to do after their start.
 *
 * The relays take the least CPU that they see a VM use as an idle VM's own share, and a migration's CPU is counted
 * without it. So each VM should once have been idle before anything runs in it; the agents, which still look at
 * their VM when they already answer, take a few seconds to be. A VM that does not come to rest is no failure: its
 * share is then estimated too high, which is said.
 */
import { readFile } from 'node:fs/promises';

import { processCpuSeconds } from '../libraries/libc/index.js';
import { throwIfStopped, type Tools } from './tools.js';
import type { Topology } from './topology.js';

/** Longer than the relays' window of two seconds and the second between two of their samples. */
const windowMs = 3_500;
const patienceMs = 30_000;
/** A VM at rest uses about 0.2 s of CPU a second when emulated, and a tenth of that with KVM. */
const restingShare = 0.4;

export async function waitForRest(topology: Topology, tools: Tools): Promise<void> {
  const { clock, signal, report } = tools;
  const end = clock.monotonicMs() + patienceMs;
  report("measuring an idle VM's own CPU");
  for (;;) {
    const before = await cpuOfVms(topology);
    const startMs = clock.monotonicMs();
    await clock.sleep(windowMs);
    throwIfStopped(signal);
    const seconds = (clock.monotonicMs() - startMs) / 1000;
    const shares = (await cpuOfVms(topology)).map((cpu, index) => (cpu - (before[index] ?? cpu)) / seconds);
    if (shares.every((share) => share < restingShare)) return;
    if (clock.monotonicMs() > end) {
      report(
        `the VMs do not come to rest (${shares.map((share) => share.toFixed(2)).join(', ')} s of CPU a second)`,
      );
      return;
    }
  }
}

function cpuOfVms({ vms }: Topology): Promise<number[]> {
  return Promise.all(
    vms.map(async ({ qemuPidFile }) => processCpuSeconds(Number(await readFile(qemuPidFile, 'utf8'))) ?? 0),
  );
}
