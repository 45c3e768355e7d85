import assert from 'node:assert/strict';

import { parseCopyPath } from './copy-path.js';

describe('a path to copy', () => {
  it('is in a guest when a VM stands before it', () => {
    assert.deepEqual(parseCopyPath('vm-b:/srv/x:y'), { vm: 'vm-b', path: '/srv/x:y' });
    assert.deepEqual(parseCopyPath('db:/srv'), { vm: 'db', path: '/srv' });
  });

  it('is on this machine otherwise, colons or not', () => {
    for (const path of ['./x', '/srv/vm-b:x', './vm-b:x', 'vm-b', 'notes: today', 'vm-bench:x'])
      assert.deepEqual(parseCopyPath(path), { vm: undefined, path });
  });

  it('is wrong usage where a VM is meant and the slash is missing', () => {
    assert.throws(() => parseCopyPath('vm-b:x'), { code: 'invalid-argument', message: /write vm-b:\/x,/ });
    assert.throws(() => parseCopyPath('vm-b:'), { code: 'invalid-argument', message: /write vm-b:\/,/ });
  });
});
