import assert from 'node:assert/strict';

import { sampleTestbed } from '../../tests/support/sample-testbed.js';
import type { Beds } from './bed.js';
import { bedRunsOf, inBeds } from './bed-runs.js';
import { planOf, type BenchPlan } from './plan.js';

const gib = 2 ** 30;
const plan = planOf({
  sizes: [gib / 4],
  writeRates: [0],
  modes: ['criu', 'portkey'],
  warmUp: 1,
  repeat: 1,
  floor: true,
  wholeVm: true,
});

describe('the experiment in several test beds', () => {
  let calls: string[];
  let beds: Beds;

  beforeEach(() => {
    calls = [];
    beds = {
      status: () => Promise.resolve({ state: 'down', testbed: undefined, processes: [] }),
      sharedRoom: () => Promise.resolve({ freeBytes: 32 * gib, totalBytes: 32 * gib }),
      up: ({ vmMemoryBytes }) => {
        calls.push(`up ${vmMemoryBytes / gib}`);
        return Promise.resolve(sampleTestbed(vmMemoryBytes));
      },
      down: () => {
        calls.push('down');
        return Promise.resolve(true);
      },
    };
  });

  const run = async (
    vmMemory: readonly number[] | undefined,
    keep: boolean,
    work: (bytes: number, plan: BenchPlan) => void = () => undefined,
    signal = new AbortController().signal,
  ): Promise<void> => {
    const options = { keep, ...(vmMemory === undefined ? {} : { vmMemory }) };
    await inBeds(beds, bedRunsOf(plan, options), { note: () => undefined, signal }, (testbed, of) => {
      calls.push(`run in ${testbed.vmMemoryBytes / gib}${of.floor || of.wholeVm ? ' with yardsticks' : ''}`);
      return Promise.resolve().then(() => work(testbed.vmMemoryBytes, of));
    });
  };

  it('brings one up for each memory, once, and measures the yardsticks in the first', async () => {
    await run([2 * gib, 8 * gib, 2 * gib], false);
    assert.deepEqual(calls, ['up 2', 'run in 2 with yardsticks', 'down', 'up 8', 'run in 8', 'down']);
  });

  it('keeps the last one only', async () => {
    await run([2 * gib, 8 * gib], true);
    assert.deepEqual(calls, ['up 2', 'run in 2 with yardsticks', 'down', 'up 8', 'run in 8']);
  });

  it('has one bed without a memory', async () => {
    await run(undefined, false);
    assert.deepEqual(calls, ['up 2', 'run in 2 with yardsticks', 'down']);
  });

  it('touches nothing where a later one would be refused', async () => {
    await assert.rejects(run([2 * gib, gib / 4], false), { code: 'invalid-argument', message: /too small/ });
    beds = { ...beds, sharedRoom: () => Promise.resolve({ freeBytes: 8 * gib, totalBytes: 8 * gib }) };
    await assert.rejects(run([2 * gib, 8 * gib], false), { code: 'no-room' });
    const alive = [{ name: 'qemu', pid: 1, running: true }];
    beds = {
      ...beds,
      status: () => Promise.resolve({ state: 'up', testbed: sampleTestbed(2 * gib), processes: alive }),
    };
    await assert.rejects(run([2 * gib, 8 * gib], false), {
      code: 'invalid-argument',
      message: /has VMs of 2 GiB \(--vm-memory\)/,
    });
    assert.deepEqual(calls, []);
  });

  it('brings up no other after a failure, or when it is to stop', async () => {
    const fail = (): never => {
      throw new Error('lost data');
    };
    await assert.rejects(run([2 * gib, 8 * gib], false, fail), /lost data/);
    assert.deepEqual(calls, ['up 2', 'run in 2 with yardsticks', 'down']);
    calls.length = 0;
    const stopping = new AbortController();
    const stop = (): void => stopping.abort(new Error('stopped'));
    await assert.rejects(run([2 * gib, 8 * gib], false, stop, stopping.signal), /stopped/);
    assert.deepEqual(calls, ['up 2', 'run in 2 with yardsticks', 'down']);
  });
});
