import assert from 'node:assert/strict';

import fc from 'fast-check';

import { fileMode, folderMode, writeCpio, type CpioEntry } from './cpio.js';

/** Reads an archive back by the format's description alone. */
function readCpio(archive: Buffer): CpioEntry[] {
  const entries: CpioEntry[] = [];
  let offset = 0;
  for (;;) {
    assert.equal(offset % 4, 0);
    assert.equal(archive.toString('latin1', offset, offset + 6), '070701');
    const field = (index: number): number =>
      Number.parseInt(archive.toString('latin1', offset + 6 + 8 * index, offset + 14 + 8 * index), 16);
    const [mode, size, nameBytes] = [field(1), field(6), field(11)];
    const nameStart = offset + 110;
    const name = archive.toString('utf8', nameStart, nameStart + nameBytes - 1);
    const contentStart = Math.ceil((nameStart + nameBytes) / 4) * 4;
    if (name === 'TRAILER!!!') return entries;
    entries.push({ name, mode, content: archive.subarray(contentStart, contentStart + size) });
    offset = Math.ceil((contentStart + size) / 4) * 4;
  }
}

describe('cpio archive', () => {
  const name = fc.stringMatching(/^[a-z0-9./-]{1,40}$/);
  const content = fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes));
  const mode = fc.constantFrom(folderMode, fileMode);
  const entry = fc.record({ name, mode, content }, { noNullPrototype: true });

  it('gives back what was written, whatever the lengths', () => {
    fc.assert(
      fc.property(fc.array(entry), (entries) => {
        assert.deepEqual(readCpio(writeCpio(entries)), entries);
      }),
    );
  });

  it('is the same for the same entries', () => {
    const entries = [{ name: 'bin', mode: folderMode }];
    assert.deepEqual(writeCpio(entries), writeCpio(entries));
  });
});
