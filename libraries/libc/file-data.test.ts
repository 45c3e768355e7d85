import assert from 'node:assert/strict';
import { closeSync, ftruncateSync, writeSync } from 'node:fs';

import { dataOf, openMemoryFile } from './index.js';

const pageBytes = 4096;

describe('the data of a sparse file', () => {
  it('is what was written', () => {
    const fd = openMemoryFile('sparse');
    try {
      assert.deepEqual([...dataOf(fd)], []);
      ftruncateSync(fd, 100 * pageBytes);
      assert.deepEqual([...dataOf(fd)], []);
      for (const page of [3, 4, 99]) writeSync(fd, 'x', page * pageBytes);
      assert.deepEqual(
        [...dataOf(fd)],
        [
          [3 * pageBytes, 5 * pageBytes],
          [99 * pageBytes, 100 * pageBytes],
        ],
      );
    } finally {
      closeSync(fd);
    }
  });

  it('is asked of a file only', () => {
    assert.throws(() => [...dataOf(-1)], /EBADF/);
  });
});
