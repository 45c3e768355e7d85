import assert from 'node:assert/strict';

import { availableBytes, wholeVmShortage } from './room.js';

const gib = 2 ** 30;

describe('room for whole-VM migration', () => {
  it('is for two VMs, in /dev/shm and in memory', () => {
    const enough = { sharedFreeBytes: 9 * gib, memoryAvailableBytes: 10 * gib };
    assert.equal(wholeVmShortage(4 * gib, enough), undefined);
    assert.equal(
      wholeVmShortage(4 * gib, { ...enough, sharedFreeBytes: 8 * gib }),
      'two more VMs of 4 GiB need 8.1 GiB in /dev/shm, which has 8 GiB free',
    );
    assert.equal(
      wholeVmShortage(4 * gib, { ...enough, memoryAvailableBytes: 9 * gib }),
      'two more VMs of 4 GiB need 9.1 GiB of memory, and this machine has 9 GiB available',
    );
  });

  it('is read from the kernel, which may not say', () => {
    assert.equal(availableBytes('MemTotal:  100 kB\nMemAvailable:    7 kB\nBuffers: 3 kB\n'), 7 * 1024);
    assert.equal(availableBytes('MemTotal:  100 kB\n'), 0);
  });
});
