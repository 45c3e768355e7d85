import assert from 'node:assert/strict';

import { readMemory, requireMemory } from './memory.js';

const gibibyte = 2 ** 30;

describe('memory for VMs', () => {
  const memory = (available: number, shared = 0) => ({
    availableBytes: available * gibibyte,
    sharedBytes: shared * gibibyte,
  });

  it('is enough where all VMs have theirs, also when some have taken it already', () => {
    requireMemory(gibibyte, 2, memory(2.5));
    requireMemory(gibibyte, 2, memory(1.25, 1.25));
  });

  it('is too little where not even one has it', () => {
    assert.throws(
      () => requireMemory(gibibyte, 2, memory(1.2, 8)),
      /^PortkeyError: a VM of 1 GiB needs 1\.3 GiB of memory, and 1\.2 GiB are free; .*PORTKEY_VM_MEMORY to less/,
    );
  });

  it('is too little where one has it and the other would not', () => {
    assert.throws(
      () => requireMemory(16 * gibibyte, 2, memory(20)),
      /2 VMs of 16 GiB need 32\.5 GiB of memory, and 20 GiB are free/,
    );
  });

  it('is read of this machine', async () => {
    const { availableBytes, sharedBytes } = await readMemory();
    assert.ok(availableBytes > 2 ** 20 && sharedBytes >= 0);
  });
});
