import assert from 'node:assert/strict';

import type { ClusterVm } from '../../libraries/rpc/index.js';
import type { ModeName } from '../options.js';
import { planOf, type BenchPlan } from './plan.js';
import { requireAvailableMemory, requireVmMemory, vmMemoryFor } from './vm-memory.js';

const mib = 2 ** 20;
const gib = 2 ** 30;

const plan = (sizes: number[], modes: ModeName[] = ['criu', 'portkey']): BenchPlan =>
  planOf({ sizes, writeRates: [0], modes, warmUp: 1, repeat: 3, floor: true, wholeVm: true });

const vm = (name: string, memoryAvailableBytes: number): ClusterVm => ({
  name,
  host: 'host-a',
  node: {
    vm: name,
    kernel: '',
    criuVersion: '',
    runcVersion: '',
    cpuFeatures: [],
    memoryTotalBytes: memoryAvailableBytes,
    memoryAvailableBytes,
    hypercallChannel: true,
    hypercallDetail: '',
    softDirty: true,
    bootId: '',
  },
  relay: null,
  problems: [],
});

describe("the VMs' memory for the experiment", () => {
  it('is a power of two that holds the largest container in its dearest mode', () => {
    const gibibytes = (sizes: number[], modes?: ModeName[]): number => vmMemoryFor(plan(sizes, modes)) / gib;
    assert.deepEqual(
      [gibibytes([64 * mib]), gibibytes([64 * mib, 256 * mib, gib]), gibibytes([2 * gib])],
      [2, 4, 8],
    );
    assert.equal(gibibytes([2 * gib], ['portkey']), 4);
  });

  it('is refused in one line that says what to write, before anything is touched', () => {
    requireVmMemory(plan([gib]), 4 * gib);
    assert.throws(() => requireVmMemory(plan([gib]), 2 * gib), {
      code: 'invalid-argument',
      message: /^VMs of 2 GiB are too small for a container of 1 GiB in criu mode, .* --vm-memory 4G/,
    });
    requireAvailableMemory(plan([gib]), [vm('vm-a', 3 * gib), vm('vm-b', 3 * gib)]);
    assert.throws(() => requireAvailableMemory(plan([gib]), [vm('vm-a', 3 * gib), vm('vm-b', 2 * gib)]), {
      code: 'no-room',
      exitCode: 3,
      message: /^vm-b has 2 GiB of memory available, .* --vm-memory 4G/,
    });
    assert.throws(() => requireAvailableMemory(plan([gib]), [{ ...vm('vm-a', gib), node: null }]), {
      code: 'agent-unavailable',
    });
  });
});
