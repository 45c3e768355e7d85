import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

import { skip } from '../../tests/support/skip.js';
import { anonymousMemory, errorCodeOf, PinnedMemory, type MemoryPiece } from './index.js';

const byteLength = 2 ** 20;

describe('pinned memory', () => {
  /** Pins, or skips the test where this machine forbids io_uring. */
  function pin(context: Mocha.Context, pieces: readonly MemoryPiece[]): PinnedMemory {
    try {
      return PinnedMemory.pin(pieces);
    } catch (error) {
      if (['ENOSYS', 'EPERM'].includes(errorCodeOf(error) ?? '')) skip(context, 'io_uring is forbidden here');
      throw error;
    }
  }

  it('is brought in and counted as pinned until its release, which may come twice', function () {
    const memory = anonymousMemory(byteLength, 'a test');
    try {
      const before = pinnedKilobytes();
      const pinned = pin(this, [memory]);
      assert.equal(pinnedKilobytes() - before, byteLength / 1024);
      pinned.release();
      pinned.release();
      assert.equal(pinnedKilobytes(), before);
    } finally {
      memory.close();
    }
  });

  it('cannot be what is not mapped', function () {
    const memory = anonymousMemory(byteLength, 'a test');
    const piece = { address: memory.address, byteLength };
    pin(this, [piece]).release();
    memory.close();
    assert.throws(() => PinnedMemory.pin([piece]), { message: /io_uring_register .*EFAULT/ });
  });
});

/** Of this process, as the kernel accounts for io_uring: VmPin. */
function pinnedKilobytes(): number {
  return Number(/^VmPin:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
}
