import assert from 'node:assert/strict';

import { cpuOf } from './qemu-migration.js';

describe("the CPU of QEMU's migration", () => {
  it('is what an idle VM would not have used', () => {
    assert.deepEqual(cpuOf(2.5, 0.5), { total: 2, idle: 0.5 });
  });

  it('is no figure where an idle VM would have used as much', () => {
    const busy = { code: 'testbed-failed', message: /used 1\.20 s .* \(1\.30 s\): this machine is too busy/ };
    assert.throws(() => cpuOf(1.2, 1.3), busy);
  });
});
