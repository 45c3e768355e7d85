/**
 * What a hostile VM, host or relay has landed, into all that reads it in the destination: it is made into images, listed,
 * and digested.
 *
 * Rules: each ends with a result that can be sent on, or with the error that its comment promises, within a time and a memory
 * that do not depend on what the images say; nothing beside the landing is read, written or made, and no descriptor is left
 * open.
 */
import assert from 'node:assert/strict';
import path from 'node:path';

import { asPortkeyError, type ErrorCode } from '../../../libraries/errors/index.js';
import { withoutNumbers, type Target } from '../../../libraries/fuzzing/index.js';
import { systemClock } from '../../../libraries/process/index.js';
import type { PageDigests, PageList } from '../../../libraries/rpc/index.js';
import { PAGE_BYTES } from '../../../libraries/units/index.js';
import { assembleLanding } from '../landed/assemble-landing.js';
import { digestLanded } from '../landed/digest-landed.js';
import { listPages } from '../landed/landed-images.js';
import { LandedMemory } from '../landed/landed-memory.js';
import { pagemapName } from '../landed/pagemap-name.js';
import { changePlanted, plant, printPlanted, type Planted } from './planted.js';
import { criuDumps, landingOfHoles, portkeyLanding } from './valid-landing.js';
import { WatchedFolders } from './watched-folders.js';

export interface Landing {
  readonly mode: 'portkey' | 'criu';
  readonly planted: readonly Planted[];
}

/** Only a wait that would never end lasts as long, however busy the machine is. */
const mostSeconds = 60;
const mostCpuSeconds = 5;
/**
 * More than what was there before. Images are small here, or mostly holes: what those take that are as full as they may be,
 * landed-room.test.ts has.
 */
const mostMemoryKibibytes = 256 * 1024;
/** A digest is no longer wanted after so many files and regions together: any number of pages may be listed. */
const wantedReads = 40;
const never = new AbortController().signal;

export function landingTarget(root: string): Target<Landing> {
  const folders = new WatchedFolders(root);
  const memoryBefore = process.resourceUsage().maxRSS;
  return {
    name: 'landing from another VM',
    seeds: [
      { mode: 'portkey', planted: portkeyLanding() },
      { mode: 'criu', planted: criuDumps() },
      // Pages that cost nothing to send: as many as are digested, and more.
      { mode: 'portkey', planted: landingOfHoles(2 ** 20) },
      { mode: 'portkey', planted: landingOfHoles(2 ** 35) },
    ],
    change: (from, other, random) => {
      const { mode } = from;
      // Most that is kept was refused early, by what stays wrong.
      const whole = random.once(2) ? (mode === 'criu' ? criuDumps() : portkeyLanding()) : from.planted;
      return { mode, planted: changePlanted(whole, other.planted, random) };
    },
    run: async ({ mode, planted }) => {
      folders.clear();
      plant(folders.landing, folders.fifo, planted);
      const cpuBefore = process.cpuUsage();
      const outcome = await withinTime(readLanding(folders.landing, mode), folders);
      const { user, system } = process.cpuUsage(cpuBefore);
      assert.ok(user + system < mostCpuSeconds * 1e6, `it took ${(user + system) / 1e6} s of CPU`);
      const memory = process.resourceUsage().maxRSS - memoryBefore;
      assert.ok(memory < mostMemoryKibibytes, `it took ${memory} KiB of memory`);
      folders.requireUntouched();
      return outcome;
    },
    print: ({ mode, planted }) => `${mode}\n${printPlanted(planted)}`,
  };
}

async function readLanding(folder: string, mode: Landing['mode']): Promise<string> {
  const images =
    mode === 'criu'
      ? path.join(folder, 'final')
      : await orError('restore-failed', () => assembleLanding(folder));
  if (images instanceof Error) return said(images);
  return `${await listAndDigest(images)}; ${await readPages(images)}`;
}

async function listAndDigest(images: string): Promise<string> {
  const pages = await orError('digest-mismatch', () => listPages(images, never));
  const list = pages instanceof Error ? said(pages) : requireList(pages);
  const digests = await orError('digest-mismatch', () => digestWanted(images));
  if (pages instanceof Error)
    assert.ok(digests instanceof Error, 'pages were digested that cannot be listed');
  if (digests instanceof Error) return `${list}; ${said(digests)}`;
  if (digests !== undefined && !(pages instanceof Error)) requireSamePages(pages, digests);
  return `${list}; ${digests === undefined ? 'digested in part' : 'digested'}`;
}

/** Whatever the list is: it may be refused for what has nothing to do with these pages. */
async function readPages(images: string): Promise<string> {
  const memory = await orError('digest-mismatch', () =>
    LandedMemory.open(images, pagemapName({ namespacePid: 1 }), never),
  );
  if (memory instanceof Error) return said(memory);
  try {
    const outcomes: string[] = [];
    for (const page of [16, 17, 600, [...memory.runs].at(-1)?.page ?? 0]) {
      const outcome = await orError('digest-mismatch', () => memory.read(page, Buffer.alloc(2 * PAGE_BYTES)));
      outcomes.push(outcome instanceof Error ? said(outcome) : 'read');
    }
    return outcomes.join(', ');
  } finally {
    await memory.close();
  }
}

/** Undefined where it was ended because it was no longer wanted. */
async function digestWanted(images: string): Promise<PageDigests | undefined> {
  const noLongerWanted = new Error('no longer wanted');
  let reads = 0;
  // STAND-IN for a signal, so that a case ends at the same place whenever it is repeated.
  const signal = {
    reason: noLongerWanted,
    throwIfAborted: () => {
      reads += 1;
      if (reads > wantedReads) throw noLongerWanted;
    },
  } as unknown as AbortSignal;
  const meter = { clock: systemClock, cpuSeconds: () => 0 };
  try {
    return await digestLanded(meter, images, signal);
  } catch (error) {
    if (error === noLongerWanted) return undefined;
    throw error;
  }
}

async function orError<T>(promised: ErrorCode, act: () => Promise<T>): Promise<T | Error> {
  try {
    return await act();
  } catch (thrown) {
    const error = asPortkeyError(thrown);
    assert.ok(thrown === error && error.code === promised, `${error.code}: ${error.message}`);
    return error;
  }
}

function said({ message }: Error): string {
  return withoutNumbers(message.replaceAll(/\/dev\/shm\/[^/]*/g, ''));
}

function requireList({ tasks }: PageList): string {
  for (const { namespacePid, sharedMemory, runs, leftOut } of tasks) {
    assert.ok(namespacePid >= 0 && namespacePid < 2 ** 31, `${namespacePid} is not a pid`);
    assert.ok((namespacePid === 0) === sharedMemory > 0, 'neither a task nor an object');
    for (const number of [...runs, ...leftOut, sharedMemory])
      assert.ok(Number.isSafeInteger(number) && number >= 0, `${number} is not a number that can be sent on`);
  }
  assert.equal(new Set(tasks.map((task) => pagemapName(task))).size, tasks.length, 'a task is there twice');
  const runs = tasks.map((task) => Math.min(task.runs.length / 2, 4));
  return `${Math.min(tasks.length, 4)} tasks ${withRuns(runs)}`;
}

function withRuns(counts: readonly number[]): string {
  return counts.map((count) => 'r'.repeat(count)).join(' ');
}

function requireSamePages({ tasks }: PageList, { regions }: PageDigests): void {
  const listed = tasks.flatMap(({ runs }) => runs.filter((_, index) => index % 2 === 1));
  const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);
  assert.equal(
    sum(regions.map(({ pageCount }) => pageCount)),
    sum(listed),
    'pages were left out of a digest',
  );
}

async function withinTime(outcome: Promise<string>, folders: WatchedFolders): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      folders.releaseFifo();
      reject(new Error(`it has not ended within ${mostSeconds} s`));
    }, mostSeconds * 1000);
  });
  try {
    return await Promise.race([outcome, late]);
  } finally {
    clearTimeout(timer);
  }
}
