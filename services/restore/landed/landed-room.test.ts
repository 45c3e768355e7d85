import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { encodeImage, magic } from '../../../libraries/criu-images/image-file.js';
import { encodePagemap, pagemapFlag } from '../../../libraries/criu-images/index.js';
import { writeProcesses } from '../../../tests/support/criu-images.js';
import type { LandingRead } from './testing/read-landing.js';

const { parent, present } = pagemapFlag;
const program = fileURLToPath(new URL('testing/read-landing.js', import.meta.url));
/** What docs/hostile-guests.md promises of a landing. */
const mostKibibytes = 256 * 1024;
const mostCpuSeconds = 30;
/** Less than what is promised, so that V8 collects what is garbage before it is that much. */
const heapMebibytes = 192;
const [mostListed, mostInDumps] = [2 ** 18, 2 ** 20];

/** The least bytes that a run takes: every other page from 0x100000000 on. */
function densePagemap(runCount: number, flags: number): Buffer {
  const recordBytes = 4 + 1 + 5 + 2 + 2;
  const head = encodePagemap({ pagesId: 1, runs: [] });
  const bytes = Buffer.alloc(head.length + runCount * recordBytes);
  head.copy(bytes);
  for (let run = 0, at = head.length; run < runCount; run += 1, at += recordBytes) {
    const address = 2 ** 32 + run * 8192;
    bytes.writeUInt32LE(recordBytes - 4, at);
    bytes[at + 4] = 8;
    for (let byte = 0; byte < 5; byte += 1)
      bytes[at + 5 + byte] = (Math.floor(address / 2 ** (7 * byte)) & 0x7f) | (byte < 4 ? 0x80 : 0);
    bytes.set([16, 1, 32, flags], at + 10);
  }
  return bytes;
}

describe('the room that a landing takes, whatever its images say', function () {
  this.timeout(240_000);
  let folder = '';
  let final = '';

  beforeEach(() => {
    folder = mkdtempSync('/dev/shm/portkey-room-');
    final = path.join(folder, 'final');
    mkdirSync(final);
    writeProcesses(final, [[{ tid: 1 }]]);
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  /** Bounded: what takes more ends with an error that is none of the images. */
  async function read(): Promise<LandingRead> {
    const argv = [`--max-old-space-size=${heapMebibytes}`, program, final];
    const { stdout } = await promisify(execFile)(process.execPath, argv);
    const outcome = JSON.parse(stdout) as LandingRead;
    assert.ok(outcome.kibibytes < mostKibibytes, `it took ${outcome.kibibytes} KiB`);
    assert.ok(outcome.cpuSeconds < mostCpuSeconds, `it took ${outcome.cpuSeconds} s of CPU`);
    return outcome;
  }

  /** Folders 0, 1, … below the final one, each the parent of the next, with the same file. */
  function writeLevels(count: number, write: (file: string) => void): void {
    const first = path.join(folder, '0', 'pagemap-1.img');
    for (let level = 0; level < count; level += 1) {
      const images = path.join(folder, String(level));
      mkdirSync(images);
      if (level === 0) write(first);
      else linkSync(first, path.join(images, 'pagemap-1.img'));
      if (level > 0) symlinkSync(`../${level - 1}`, path.join(images, 'parent'));
    }
    symlinkSync(`../${count - 1}`, path.join(final, 'parent'));
  }

  it('is as promised for as many runs as may be listed, and as many as may be in all dumps', async () => {
    writeFileSync(path.join(final, 'pagemap-1.img'), densePagemap(mostListed, parent));
    const older = densePagemap(mostInDumps - mostListed, present);
    writeLevels(1, (file) => writeFileSync(file, older));
    const { list, digest } = await read();
    assert.equal(list, mostListed);
    assert.match(digest, /pages-1.img, which did not land/);
  });

  it('is as promised where there are more, in a task, in all tasks or in older dumps, which is refused', async () => {
    const refused = /list pages in more than 262144 runs, .*; migrate without --verify/;
    writeFileSync(path.join(final, 'pagemap-1.img'), densePagemap(1_190_000, parent));
    const { list, digest } = await read();
    assert.match(String(list), refused);
    assert.match(digest, refused);
    writeFileSync(path.join(final, 'pagemap-1.img'), densePagemap(mostListed, parent));
    for (const id of [2, 3])
      linkSync(path.join(final, 'pagemap-1.img'), path.join(final, `pagemap-${id}.img`));
    assert.match(String((await read()).list), refused);
    for (const id of [2, 3]) rmSync(path.join(final, `pagemap-${id}.img`));
    writeLevels(100, (file) => writeFileSync(file, densePagemap(1_000_000, parent)));
    const inDumps = await read();
    assert.equal(inDumps.list, mostListed);
    assert.match(inDumps.digest, /in all dumps list pages in more than 1048576 runs, .* --verify/);
  });

  it('is as promised where runs have no pages, or records are as long as a file may be', async () => {
    const empty = encodeImage(
      [magic.common, magic.pagemap],
      [Buffer.from('0801', 'hex'), ...Array.from({ length: 2 ** 20 }, () => Buffer.from('1000', 'hex'))],
    );
    writeFileSync(path.join(final, 'pagemap-1.img'), empty);
    assert.match(String((await read()).list), /in more than 262144 runs/);

    writeFileSync(path.join(final, 'pagemap-1.img'), densePagemap(1, parent));
    // {pages_id: 1, a field that nobody knows}: nearly all of it a hole, which costs nothing to send.
    writeLevels(150, (file) => {
      const byteLength = 2 ** 24;
      const head = Buffer.from('1943565425400856' + '00000000' + '0801' + '820180808000', 'hex');
      const run = densePagemap(1, present).subarray(-14);
      const length = byteLength - head.length - run.length;
      head.writeUInt32LE(length + head.length - 12, 8);
      // 128 of a field 16, in a length of four bytes.
      for (const [index, bits] of [0, 7, 14, 21].entries())
        head[16 + index] = ((length >>> bits) & 0x7f) | (bits < 21 ? 0x80 : 0);
      writeFileSync(file, head);
      truncateSync(file, byteLength - run.length);
      writeFileSync(file, run, { flag: 'a' });
    });
    const { list, digest } = await read();
    assert.equal(list, 1);
    assert.match(digest, /pages-1.img, which did not land/);
  });

  it('is as promised where more threads are named than a container has', async () => {
    writeFileSync(path.join(final, 'pagemap-1.img'), densePagemap(1, present));
    const records = Array.from({ length: 2 ** 20 }, (_, index) => {
      const pid = index + 1;
      return Buffer.from([8, (pid & 0x7f) | 0x80, ((pid >>> 7) & 0x7f) | 0x80, pid >>> 14]);
    });
    writeFileSync(path.join(final, 'pstree.img'), encodeImage([magic.common, magic.pstree], records));
    assert.match(String((await read()).list), /pstree.img names more than 131072 processes and threads/);
  });
});
