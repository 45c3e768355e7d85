import assert from 'node:assert/strict';

import { shortageOf } from './room.js';

describe('room in /dev/shm', () => {
  const size = { vms: 2, vmMemoryBytes: 2 ** 31 };
  const gibibytes = (count: number): number => count * 2 ** 30;

  it('is asked for RAM and for what is there besides', () => {
    assert.equal(shortageOf(size, { freeBytes: gibibytes(4.5), totalBytes: gibibytes(5) }), undefined);
    assert.notEqual(shortageOf(size, { freeBytes: gibibytes(4.4), totalBytes: gibibytes(5) }), undefined);
  });

  it('is asked for what somebody knows to come on top', () => {
    const room = { freeBytes: gibibytes(4.5), totalBytes: gibibytes(5) };
    assert.notEqual(shortageOf({ ...size, besidesBytes: 1 }, room), undefined);
  });

  it('can be made: the way out counts what is taken already', () => {
    assert.deepEqual(shortageOf(size, { freeBytes: gibibytes(1), totalBytes: gibibytes(3) }), {
      problem: 'a test bed of 2 × 2 GiB needs 4.5 GiB in /dev/shm, which has 1 GiB free',
      fix: 'choose less with --vm-memory, or enlarge it: mount -o remount,size=7G /dev/shm',
      enlarge: 'enlarge it: mount -o remount,size=7G /dev/shm',
    });
  });
});
