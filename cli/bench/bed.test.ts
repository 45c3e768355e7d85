import assert from 'node:assert/strict';

import { PortkeyError } from '../../libraries/errors/index.js';
import type { TestbedState, UpOptions } from '../../testbed/index.js';
import { sampleTestbed } from '../../tests/support/sample-testbed.js';
import { withBed, type Beds, type BedWishes } from './bed.js';
import { planOf } from './plan.js';

const gib = 2 ** 30;
const plan = planOf({
  sizes: [gib],
  writeRates: [0],
  modes: ['criu', 'portkey'],
  warmUp: 1,
  repeat: 1,
  floor: true,
  wholeVm: true,
});
const running = sampleTestbed(4 * gib);
const alive = [{ name: 'qemu', pid: 1, running: true }];

describe("the experiment's test bed", () => {
  let calls: string[];
  let notes: string[];
  let upOptions: UpOptions | undefined;
  let beds: Beds;

  beforeEach(() => {
    calls = [];
    notes = [];
    upOptions = undefined;
    beds = {
      status: () => Promise.resolve({ state: 'down', testbed: undefined, processes: [] }),
      sharedRoom: () => Promise.resolve({ freeBytes: 32 * gib, totalBytes: 32 * gib }),
      up: (options) => {
        calls.push('up');
        upOptions = options;
        return Promise.resolve(running);
      },
      down: () => {
        calls.push('down');
        return Promise.resolve(true);
      },
    };
  });

  const use = (
    wishes: Partial<BedWishes> = {},
    work: (bed: TestbedState) => Promise<string> = () => Promise.resolve('done'),
  ): Promise<string> => {
    const tools = { note: (line: string) => notes.push(line), signal: new AbortController().signal };
    return withBed(beds, plan, { keep: false, ...wishes }, tools, work);
  };
  const isUp = (state: 'up' | 'degraded', processes = alive): void => {
    beds = { ...beds, status: () => Promise.resolve({ state, testbed: running, processes }) };
  };

  it('is one of its own where none is up, large enough, and taken down', async () => {
    assert.equal(await use(), 'done');
    assert.deepEqual(calls, ['up', 'down']);
    assert.deepEqual(upOptions, { vms: 2, vmMemoryBytes: 4 * gib, accel: 'auto', link: '10gbit' });
  });

  it('is taken down after a failure, which stays the error', async () => {
    const failure = new PortkeyError('cancelled', 'stopped');
    beds = { ...beds, down: () => Promise.reject(new Error('stuck')) };
    await assert.rejects(
      use({}, () => Promise.reject(failure)),
      failure,
    );
    assert.deepEqual(notes, ['stuck']);
    await assert.rejects(use(), /stuck/);
  });

  it('stays up where it is to be kept', async () => {
    await use({ keep: true, vmMemory: 8 * gib, accel: 'tcg', link: '1gbit' });
    assert.deepEqual(calls, ['up']);
    assert.deepEqual(upOptions, { vms: 2, vmMemoryBytes: 8 * gib, accel: 'tcg', link: '1gbit' });
  });

  it('is the one that is up, which stays so', async () => {
    isUp('up');
    assert.equal(await use({ vmMemory: 4 * gib, accel: 'tcg', link: '10gbit' }), 'done');
    assert.deepEqual(calls, []);
    await assert.rejects(use({ vmMemory: 8 * gib, accel: 'kvm', link: '1gbit' }), {
      code: 'invalid-argument',
      message: /VMs of 4 GiB \(--vm-memory\) and accelerator tcg \(--accel\) and a link of 10gbit \(--link\)/,
    });
    isUp('degraded');
    await assert.rejects(use(), { code: 'testbed-failed', message: /is degraded/ });
  });

  it('is a new one where the old one crashed whole, whatever room that one still takes', async () => {
    isUp('degraded', []);
    beds = { ...beds, sharedRoom: () => Promise.resolve({ freeBytes: 0, totalBytes: gib }) };
    await use();
    assert.deepEqual(calls, ['up', 'down']);
  });

  it('is refused in one line where it would not fit, before anything is touched', async () => {
    beds = { ...beds, sharedRoom: () => Promise.resolve({ freeBytes: 10 * gib, totalBytes: 10 * gib }) };
    await assert.rejects(use(), {
      code: 'no-room',
      message:
        /^a test bed of 2 × 4 GiB needs 10\.5 GiB in \/dev\/shm, .*; choose smaller --sizes, or enlarge it/,
    });
    await assert.rejects(use({ vmMemory: 2 * gib }), { code: 'invalid-argument', message: /--vm-memory 4G/ });
    assert.deepEqual(calls, []);
  });
});
