import assert from 'node:assert/strict';
import {
  closeSync,
  existsSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { skip } from '../../tests/support/skip.js';
import {
  allowHugePages,
  anonymousMemory,
  anonymousPage,
  IoVector,
  mapFile,
  mapFileForWriting,
  openMemoryFile,
} from './index.js';

describe('memory mappings', () => {
  it('give a page that is locked, zeroed and keeps what is written into it', () => {
    const page = anonymousPage();
    try {
      assert.equal(page.address % 4096n, 0n);
      assert.deepEqual(page.read(4), Buffer.alloc(4));
      page.write(Buffer.from('nonce'));
      assert.equal(page.read(5).toString(), 'nonce');
      assert.throws(() => page.write(Buffer.alloc(4097)), { code: 'invalid-argument' });
      assert.match(readFileSync('/proc/self/status', 'utf8'), /VmLck:\s+[1-9]/);
    } finally {
      page.close();
    }
  });

  it('are gone after close, which may come twice', () => {
    const page = anonymousPage();
    page.close();
    page.close();
    assert.throws(() => page.address, /not mapped any more/);
    assert.throws(() => page.read(1), /not mapped any more/);
  });

  it('have huge pages or have none, as they are told', function () {
    if (!existsSync('/sys/kernel/mm/transparent_hugepage')) skip(this, 'this kernel has no huge pages');
    for (const [allowed, flag] of [
      [true, 'hg'],
      [false, 'nh'],
    ] as const) {
      // Of an odd size, so that the kernel does not make it one with a neighbour.
      const memory = anonymousMemory(2 ** 22 + 4096, 'a test');
      try {
        allowHugePages(memory, allowed);
        const start = memory.address.toString(16).padStart(12, '0');
        const smaps = readFileSync('/proc/self/smaps', 'utf8');
        const flags = /^VmFlags: (.*)$/m.exec(smaps.slice(smaps.indexOf(`\n${start}-`)))?.[1] ?? '';
        assert.ok(flags.split(' ').includes(flag), `${flag} of ${flags}`);
      } finally {
        memory.close();
      }
    }
  });

  it('map a file at an address of their own', () => {
    const folder = mkdtempSync(join(tmpdir(), 'portkey-libc-'));
    const path = join(folder, 'ram');
    writeFileSync(path, Buffer.alloc(8192, 1));
    const fd = openSync(path, 'r');
    try {
      const mapping = mapFile(fd, 8192, path);
      assert.ok(mapping.address > 0n);
      mapping.close();
      assert.throws(() => mapFile(fd, 0, path), { message: /mmap of .*ram failed: EINVAL/ });
    } finally {
      closeSync(fd);
      rmSync(folder, { recursive: true });
    }
  });

  it('of a file for writing take what a system call puts into them', () => {
    const [from, to] = [openMemoryFile('from'), openMemoryFile('to')];
    writeSync(from, Buffer.alloc(4096, 7));
    ftruncateSync(to, 8192);
    const mapping = mapFileForWriting(to, 8192, 'a test');
    try {
      const vector = new IoVector();
      vector.add(Number(mapping.address) + 4096, 4096);
      vector.readAt(from, 0);
      const bytes = Buffer.alloc(8192);
      readSync(to, bytes, 0, 8192, 0);
      assert.ok(bytes.equals(Buffer.concat([Buffer.alloc(4096), Buffer.alloc(4096, 7)])));
    } finally {
      mapping.close();
      for (const fd of [from, to]) closeSync(fd);
    }
  });
});
