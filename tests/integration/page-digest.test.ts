/**
 * The two halves of a verification on a real, stopped process: digests of its pages as they stand frozen, and of images that
 * hold them.
 */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';

import { pagemapFlag } from '../../libraries/criu-images/index.js';
import type { PageRun, RegionDigest } from '../../libraries/page-digest/index.js';
import { systemClock } from '../../libraries/process/index.js';
import type { PageDigests, PageList } from '../../libraries/rpc/index.js';
import { PAGE_BYTES } from '../../libraries/units/index.js';
import { digestFrozen } from '../../services/checkpoint/frozen/digest-frozen.js';
import { PagemapReader, TaskPagemap } from '../../services/checkpoint/scan/task-pagemap.js';
import { readZeroPfn } from '../../services/checkpoint/scan/zero-pfn.js';
import { assembleLanding } from '../../services/restore/landed/assemble-landing.js';
import { digestLanded } from '../../services/restore/landed/digest-landed.js';
import { listPages } from '../../services/restore/landed/landed-images.js';
import { writeLanding, writeLevel, writeProcesses } from '../support/criu-images.js';
import { eventually } from '../support/eventually.js';
import { skip } from '../support/skip.js';

const { parent, present } = pagemapFlag;
const never = new AbortController().signal;
const meter = { clock: systemClock, cpuSeconds: () => 0 };

/** Holds what is no other process's, besides all that Node holds. */
const program = `const held = Buffer.alloc(9 << 20, 'what is held'); console.log('held'); setInterval(() => held[0], 1e9);`;

/** Two objects of shared memory: one that it has mapped, of which it has written pages 2 and 600, and one that it has only open. */
const sharing = `
import mmap, os, signal
shared = mmap.mmap(-1, 4 << 20)
for page in (2, 600): shared[page * 4096] = 7
fd = os.memfd_create('open')
os.pwrite(fd, b'to the middle of its second page', 6000)
print('held', flush=True)
signal.pause()
`;

/** Runs of pages that are the process's own. */
function ownRuns(pid: number, reader: PagemapReader): PageRun[] {
  const pagemap = TaskPagemap.open({ pid }, reader);
  try {
    const own = pagemap?.ownPages();
    return Array.from({ length: own?.length ?? 0 }, (_, index) => ({
      page: own?.first(index) ?? 0,
      pageCount: own?.count(index) ?? 0,
    }));
  } finally {
    pagemap?.close();
  }
}

function contentOf(pid: number, page: number): Buffer {
  const bytes = Buffer.alloc(PAGE_BYTES);
  const fd = openSync(`/proc/${pid}/mem`, 'r');
  try {
    assert.equal(readSync(fd, bytes, 0, PAGE_BYTES, page * PAGE_BYTES), PAGE_BYTES);
    return bytes;
  } finally {
    closeSync(fd);
  }
}

describe('a verification of a real process that has shared memory', function () {
  this.timeout(20_000);
  let reader: PagemapReader;
  let child: ChildProcess | undefined;
  let folder = '';
  let inodes: number[] = [];

  before(async function () {
    if (process.getuid?.() !== 0) skip(this, 'only root reads what another process has mapped');
    reader = new PagemapReader(readZeroPfn());
    child = spawn('python3', ['-c', sharing], { stdio: ['ignore', 'pipe', 'inherit'] });
    if (child.stdout !== null) await once(child.stdout, 'data');
    const maps = readFileSync(`/proc/${pid()}/maps`, 'utf8');
    const mapped = /(\d+) +\/dev\/zero \(deleted\)$/m.exec(maps)?.[1];
    const open = readdirSync(`/proc/${pid()}/fd`).map((fd) => `/proc/${pid()}/fd/${fd}`);
    const file = open.find((link) => readlinkSync(link).startsWith('/memfd:'));
    inodes = [Number(mapped), statSync(file ?? '').ino];
    child.kill('SIGSTOP');
  });
  after(() => void child?.kill('SIGKILL'));
  beforeEach(() => (folder = mkdtempSync('/dev/shm/portkey-verify-')));
  afterEach(() => rmSync(folder, { recursive: true }));

  const pid = (): number => child?.pid ?? 0;
  const first = (byte: number): Buffer => Buffer.concat([Buffer.from([byte]), Buffer.alloc(PAGE_BYTES - 1)]);
  const text = Buffer.alloc(PAGE_BYTES);
  text.write('to the middle of its second page', 6000 - PAGE_BYTES);

  /** As CRIU dumps them: what was written, by page. */
  function landed(pages: readonly (readonly (readonly [number, Buffer])[])[]): string {
    const images = path.join(folder, 'final');
    for (const [index, contents] of pages.entries()) {
      const runs = contents.map(([page]) => ({ page, pageCount: 1, flags: present }));
      const content = new Map(contents);
      const of = (page: number): Buffer => content.get(page) ?? Buffer.alloc(PAGE_BYTES);
      writeLevel(images, `shmem-${inodes[index] ?? 1}`, 10 + index, runs, of);
    }
    const own = ownRuns(pid(), reader).map((run) => ({ ...run, flags: present }));
    writeLevel(images, 1, 5, own, (page) => contentOf(pid(), page));
    writeProcesses(images, [[{ tid: 1 }]]);
    return images;
  }

  async function bothOf(images: string): Promise<[PageDigests, PageDigests]> {
    const { tasks } = await listPages(images, never);
    const frozen = { tasks: [{ pid: pid(), namespacePid: 1 }], landed: tasks, reader, signal: never };
    return [await digestFrozen(meter, frozen), await digestLanded(meter, images, never)];
  }

  it('finds what it has mapped alike, and what it has only open', async () => {
    const [frozen, arrived] = await bothOf(
      landed([
        [
          [2, first(7)],
          [600, first(7)],
        ],
        [[1, text]],
      ]),
    );
    assert.deepEqual(frozen.regions, arrived.regions);
    assert.deepEqual(
      frozen.regions
        .filter(({ sharedMemory }) => sharedMemory > 0)
        .map(({ sharedMemory, page, pageCount }) => [inodes.indexOf(sharedMemory), page, pageCount])
        .sort(),
      [
        [0, 0, 1],
        [0, 512, 1],
        [1, 0, 1],
      ],
    );
    assert.deepEqual(frozen.outOfReach, []);
  });

  it('finds a byte that is another one, and a page that did not land', async () => {
    const [frozen, arrived] = await bothOf(
      landed([
        [
          [2, first(7)],
          [600, first(8)],
        ],
        [[1, text]],
      ]),
    );
    const differing = frozen.regions.filter(
      ({ digest }, index) => arrived.regions[index]?.digest.equals(digest) !== true,
    );
    assert.deepEqual(
      differing.map(({ sharedMemory, page }) => [sharedMemory, page]),
      [[inodes[0], 512]],
    );
    rmSync(path.join(folder, 'final'), { recursive: true });
    await assert.rejects(bothOf(landed([[[600, first(7)]], [[1, text]]])), {
      code: 'digest-mismatch',
      message: `the page at 0x2000 of shared memory ${inodes[0]} stands frozen, but did not land`,
    });
    rmSync(path.join(folder, 'final'), { recursive: true });
    await assert.rejects(
      bothOf(
        landed([
          [
            [2, first(7)],
            [600, first(7)],
          ],
          [
            [1, text],
            [2, text],
          ],
        ]),
      ),
      {
        code: 'digest-mismatch',
        message: /^the page at 0x2000 of shared memory \d+ landed, but the frozen one ends at 0x2000$/,
      },
    );
  });

  it('says what is out of its reach', async () => {
    inodes.push(2 ** 40);
    try {
      const [frozen, arrived] = await bothOf(
        landed([
          [
            [2, first(7)],
            [600, first(7)],
          ],
          [[1, text]],
          [[0, text]],
        ]),
      );
      assert.deepEqual(frozen.outOfReach, [2 ** 40]);
      assert.equal(arrived.regions.length, frozen.regions.length + 1);
    } finally {
      inodes.pop();
    }
  });
});

describe('a verification of a real process', function () {
  this.timeout(20_000);
  let child: ChildProcess | undefined;
  let folder = '';
  let reader: PagemapReader;
  let runs: PageRun[] = [];

  before(async function () {
    if (process.getuid?.() !== 0) skip(this, 'only root sees page frames');
    reader = new PagemapReader(readZeroPfn());
    child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
    if (child.stdout !== null) await once(child.stdout, 'data');
    child.kill('SIGSTOP');
    const status = (): string => readFileSync(`/proc/${pid()}/status`, 'utf8');
    await eventually('the process stands still', () => Promise.resolve(/^State:\s+T/m.test(status())), 5_000);
    runs = ownRuns(pid(), reader);
    assert.ok(pageCount() > (9 << 20) / PAGE_BYTES, `${pageCount()} pages of its own`);
  });
  after(() => void child?.kill('SIGKILL'));
  // The landed files are sparse and as long as an address space.
  beforeEach(() => (folder = mkdtempSync('/dev/shm/portkey-verify-')));
  afterEach(() => rmSync(folder, { recursive: true }));

  const pid = (): number => child?.pid ?? 0;
  const pageCount = (): number => runs.reduce((sum, run) => sum + run.pageCount, 0);
  const pages = (): number[] =>
    runs.flatMap((run) => Array.from({ length: run.pageCount }, (_, index) => run.page + index));

  const content = (page: number): Buffer => contentOf(pid(), page);

  /** As Portkey mode lands them: CRIU dumped one page itself, and has more runs than the scan. */
  async function landed(without: readonly number[] = []): Promise<string> {
    const final = path.join(folder, 'final');
    const all = pages().filter((page) => !without.includes(page));
    const own = all[all.length >> 1] ?? 0;
    const level = all.map((page) => ({ page, pageCount: 1, flags: page === own ? present : parent }));
    writeLevel(final, 1, 5, level, content);
    writeProcesses(final, [[{ tid: 1 }]]);
    writeLanding(path.join(folder, 'memory'), 1, all, (page) =>
      page === own ? Buffer.alloc(PAGE_BYTES, 0xee) : content(page),
    );
    return assembleLanding(folder);
  }

  const digestOf = (list: PageList, signal = never): Promise<PageDigests> =>
    digestFrozen(meter, { tasks: [{ pid: pid(), namespacePid: 1 }], landed: list.tasks, reader, signal });

  it('finds its pages and their landed images alike', async () => {
    const images = await landed();
    const list = await listPages(images, never);
    const [frozen, arrived] = [await digestOf(list), await digestLanded(meter, images, never)];
    assert.ok(frozen.regions.length > 5);
    assert.deepEqual(frozen.regions, arrived.regions);
    assert.equal(
      frozen.regions.reduce((sum, region) => sum + region.pageCount, 0),
      pageCount(),
    );
  });

  it('finds them alike in a chain of dumps, too', async () => {
    const all = pages();
    for (const level of [0, 1, 2]) {
      const images = path.join(folder, String(level));
      // Of three pages one is from each level; what older levels have of it is out of date.
      const flags = all.map((page, index) => ({
        page,
        pageCount: 1,
        flags: level <= index % 3 ? present : parent,
      }));
      writeLevel(images, 1, 5, flags, (page) =>
        all.indexOf(page) % 3 === level ? content(page) : Buffer.alloc(PAGE_BYTES),
      );
      writeProcesses(images, [[{ tid: 1 }]]);
      if (level > 0) symlinkSync(`../${level - 1}`, path.join(images, 'parent'));
    }
    const images = path.join(folder, '2');
    const frozen = await digestOf(await listPages(images, never));
    assert.deepEqual(frozen.regions, (await digestLanded(meter, images, never)).regions);
  });

  it('finds the one region in which a landed byte is another one', async () => {
    const images = await landed();
    const page = runs[2]?.page ?? 0;
    const file = await open(path.join(folder, 'memory/pages-1.img'), 'r+');
    try {
      await file.write(Buffer.from([(content(page)[77] ?? 0) ^ 4]), 0, 1, page * PAGE_BYTES + 77);
    } finally {
      await file.close();
    }
    const { regions } = await digestOf(await listPages(images, never));
    const arrived = (await digestLanded(meter, images, never)).regions;
    const differs = ({ digest }: RegionDigest, index: number): boolean =>
      arrived[index]?.digest.equals(digest) !== true;
    assert.deepEqual(
      regions.filter(differs).map((region) => region.page),
      [page - (page % 512)],
    );
  });

  it('finds a page that did not land, unless there is nothing in it', async () => {
    const all = pages();
    const isZero = (page: number): boolean => content(page).equals(Buffer.alloc(PAGE_BYTES));
    const something = all.find((page) => !isZero(page)) ?? 0;
    await assert.rejects(digestOf(await listPages(await landed([something]), never)), {
      code: 'digest-mismatch',
      message: `the page at 0x${(something * PAGE_BYTES).toString(16)} of task 1 stands frozen, but did not land`,
    });
    rmSync(folder, { recursive: true });
    const nothing = all.find(isZero);
    assert.ok(nothing !== undefined, 'one of its pages holds zeroes');
    const images = await landed([nothing]);
    const frozen = await digestOf(await listPages(images, never));
    assert.deepEqual(frozen.regions, (await digestLanded(meter, images, never)).regions);
  });

  it('finds pages and tasks that landed and are not there, and ends when it is no longer wanted', async () => {
    const list = await listPages(await landed(), never);
    const [task] = list.tasks;
    assert.ok(task);
    const nowhere = { ...task, runs: [1, 1, ...task.runs] };
    await assert.rejects(digestOf({ ...list, tasks: [nowhere] }), {
      code: 'digest-mismatch',
      message: /the page at 0x1000 of task 1 landed, but the frozen task has none there/,
    });
    const another = { ...task, namespacePid: 2 };
    await assert.rejects(digestOf({ ...list, tasks: [task, another] }), {
      code: 'digest-mismatch',
      message: /task 2 landed, but no such task stands frozen/,
    });
    await assert.rejects(digestOf({ ...list, tasks: [] }), {
      code: 'digest-mismatch',
      message: /did not land/,
    });
    await assert.rejects(digestOf(list, AbortSignal.abort(new Error('no longer'))), /no longer/);
  });
});
