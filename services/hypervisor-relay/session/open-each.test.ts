import assert from 'node:assert/strict';
import { closeSync, fstatSync } from 'node:fs';

import { openTcpSocket } from '../../../libraries/libc/index.js';
import { openEach } from './open-each.js';

describe('openEach', () => {
  it('opens all of them', () => {
    const fds = openEach([0, 1, 2], openTcpSocket, closeSync);
    try {
      assert.equal(new Set(fds).size, 3);
      for (const fd of fds) assert.ok(fstatSync(fd).isSocket());
    } finally {
      for (const fd of fds) closeSync(fd);
    }
  });

  it('closes the ones before one that cannot be opened', () => {
    const fds: number[] = [];
    const open = (item: number): number => {
      if (item === 2) throw new Error('too many open files');
      const fd = openTcpSocket();
      fds.push(fd);
      return fd;
    };
    assert.throws(() => openEach([0, 1, 2], open, closeSync), /too many open files/);
    assert.equal(fds.length, 2);
    for (const fd of fds) assert.throws(() => fstatSync(fd), { code: 'EBADF' });
  });
});
