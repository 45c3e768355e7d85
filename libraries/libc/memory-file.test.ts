import assert from 'node:assert/strict';
import { closeSync, fstatSync, readSync } from 'node:fs';

import { IoVector, openMemoryFile, punchHole } from './index.js';

describe('a file in memory', () => {
  let fd = -1;
  beforeEach(() => (fd = openMemoryFile('test')));
  afterEach(() => closeSync(fd));

  function contents(): string {
    const bytes = Buffer.alloc(fstatSync(fd).size);
    readSync(fd, bytes, 0, bytes.length, 0);
    return bytes.toString('latin1');
  }

  it('takes an I/O vector at a place, and more of it later', () => {
    const vector = new IoVector();
    for (const text of ['mapped ', 'memory'])
      vector.addBuffer(Buffer.from(new TextEncoder().encode(text).buffer));
    vector.writeAt(fd, 3);
    assert.equal(vector.pieces, 0);
    vector.addBuffer(Buffer.from(new TextEncoder().encode('M').buffer));
    vector.writeAt(fd, 3);
    assert.equal(contents(), '\0\0\0Mapped memory');
  });

  it('says what is wrong where memory cannot be read', () => {
    const vector = new IoVector();
    vector.add(4096, 10);
    assert.throws(() => vector.writeAt(fd, 0), { message: /EFAULT/ });
  });

  it('has holes, which are zero and take no room, and keeps its length', () => {
    const vector = new IoVector();
    vector.addBuffer(Buffer.from(new ArrayBuffer(3 * 4096)).fill(1));
    vector.writeAt(fd, 0);
    const { blocks } = fstatSync(fd);
    punchHole(fd, 4096, 8192);
    assert.equal(contents(), '\x01'.repeat(4096) + '\0'.repeat(8192));
    assert.equal(fstatSync(fd).blocks, blocks - 16);
    assert.throws(() => punchHole(-1, 0, 1), { message: /EBADF/ });
  });
});
