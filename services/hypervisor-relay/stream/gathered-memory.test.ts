import assert from 'node:assert/strict';
import { closeSync, ftruncateSync, readdirSync, writeSync } from 'node:fs';

import fc from 'fast-check';

import { IoVector, mapFile, openMemoryFile } from '../../../libraries/libc/index.js';
import { GatheredMemory } from './gathered-memory.js';

const fileBytes = 2 ** 20;

describe('gathered memory', () => {
  const from = openMemoryFile('a test');
  const content = Buffer.alloc(fileBytes);
  for (let at = 0; at < fileBytes; at += 4) content.writeUInt32LE(at, at);
  writeSync(from, content);
  const mapped = mapFile(from, fileBytes, 'a test');
  after(() => {
    mapped.close();
    closeSync(from);
  });

  /** What a vector of these pieces of the file is, as it was handed out. */
  function gather(
    memory: GatheredMemory,
    pieces: readonly (readonly [start: number, byteLength: number])[],
  ): Buffer {
    const vector = new IoVector();
    for (const [start, byteLength] of pieces) vector.add(Number(mapped.address) + start, byteLength);
    const parts: Buffer[] = [];
    const copy = new IoVector();
    const to = openMemoryFile('a copy');
    memory.take(vector, (address, byteLength) => {
      const part = Buffer.from(new ArrayBuffer(byteLength));
      copy.add(Number(address), byteLength);
      copy.writeAt(to, 0);
      copy.addBuffer(part);
      copy.readAt(to, 0);
      parts.push(part);
    });
    closeSync(to);
    assert.equal(vector.pieces, 0);
    // Whole but for the last.
    for (const part of parts.slice(0, -1)) assert.ok(part.length === 256 * 1024 || pieces.length > 1024);
    return Buffer.concat(parts);
  }

  it('is what the pieces are, in their order, however long they are', () => {
    const memory = new GatheredMemory();
    const piece = fc.tuple(fc.nat(fileBytes / 2), fc.oneof(fc.nat(5_000), fc.nat(fileBytes / 2)));
    try {
      fc.assert(
        fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
          const expected = pieces.map(([start, byteLength]) => content.subarray(start, start + byteLength));
          assert.ok(gather(memory, pieces).equals(Buffer.concat(expected)));
        }),
        { numRuns: 60 },
      );
      const single = Array.from({ length: 1024 }, (_, index) => [index * 8, 8] as const);
      assert.ok(gather(memory, single).equals(content.subarray(0, 8192)));
    } finally {
      memory.close();
    }
  });

  it('is an error where the file that is mapped has become shorter, and no crash', () => {
    const file = openMemoryFile('a test');
    ftruncateSync(file, fileBytes);
    const mapping = mapFile(file, fileBytes, 'a test');
    const memory = new GatheredMemory();
    try {
      ftruncateSync(file, 0);
      const vector = new IoVector();
      vector.add(Number(mapping.address), 4096);
      assert.throws(() => memory.take(vector, () => assert.fail('nothing is there')), { message: /EFAULT/ });
    } finally {
      memory.close();
      mapping.close();
      closeSync(file);
    }
  });

  it('leaves no descriptor open', () => {
    const open = (): number => readdirSync('/proc/self/fd').length;
    const before = open();
    const memory = new GatheredMemory();
    assert.equal(open(), before + 1);
    memory.close();
    assert.equal(open(), before);
  });
});
