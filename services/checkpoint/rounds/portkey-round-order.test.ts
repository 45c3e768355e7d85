/** In which order a round looks pages up, sends them and waits for them, with a relay that never says that they landed. */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';

import { maxPagesPerSend, parseBatchPolicy, type SentRuns } from '../../../libraries/hypercall/index.js';
import { systemClock } from '../../../libraries/process/index.js';
import { FrameRuns } from '../scan/frame-runs.js';
import { PageRanges } from '../scan/page-ranges.js';
import { entryWords } from '../scan/pagemap-words.js';
import { TaskMemory, type Pagemap } from '../scan/task-memory.js';
import { PortkeyRounds } from './portkey-round.js';

/** So many pages from address 0 on, in frames that follow one another; tells when they are looked up. */
function standing(pageCount: number, onLookUp: () => void): Pagemap {
  const look = (firstPage: number, count: number): Int32Array =>
    Int32Array.from(
      { length: 2 * count },
      (_, at) => entryWords({ pfn: 1000 + firstPage + (at >> 1) })[at & 1] ?? 0,
    );
  return {
    look,
    entries: (firstPage, count) => {
      onLookUp();
      return look(firstPage, count);
    },
    ownPages: () => {
      const pages = new PageRanges();
      pages.append(0, pageCount, 0);
      return pages;
    },
    dirtyPageCount: () => 0,
    isCurrent: () => true,
    clearDirty: () => undefined,
    close: () => undefined,
  };
}

/** Each look takes so long. Begins a round of tasks with so many pages each, and tells what had been done when it could do no more. */
async function stuckRound(lookUpMs: number, ...pageCounts: readonly number[]): Promise<string[]> {
  const done: string[] = [];
  let nowMs = 0;
  const frames = new FrameRuns();
  const tasks = pageCounts.map((pageCount, index) => {
    const task = { pid: 10 + index, namespacePid: 1 + index };
    const pagemap = standing(pageCount, () => {
      done.push(`look up ${task.namespacePid}`);
      nowMs += lookUpMs;
    });
    const memory = new TaskMemory(task, pagemap, 1, frames);
    return { memory, pages: memory.ownPages() };
  });
  let opened = 0;
  const never = new Promise<never>(() => undefined);
  const rounds = new PortkeyRounds({
    migrationId: 'stuck',
    client: {
      open: () => Promise.resolve((opened += 1)),
      send: (object): Promise<SentRuns> => {
        done.push(`send ${object}`);
        return Promise.resolve({ landed: never });
      },
      drop: () => Promise.resolve({ landed: never }),
      closeObject: () => Promise.resolve(),
      hypercallSeconds: 0.001,
    },
    policy: parseBatchPolicy('adaptive'),
    memory: { snapshot: () => Promise.resolve({ tasks, pausedSeconds: 0, keepsDirty: false }) },
    clock: { ...systemClock, monotonicMs: () => nowMs },
    cpuSeconds: () => 0,
  });
  const ending = new AbortController();
  const round = rounds.run({ index: 0, last: false, onProgress: () => undefined, signal: ending.signal });
  await delay(200);
  ending.abort(new Error('seen enough'));
  await assert.rejects(round, /seen enough/);
  return done;
}

describe('a round in Portkey mode', () => {
  const [look, send] = ['look up 1', 'send 1'];
  // As long as nothing has landed, two full SENDs may fly.

  it('has the relay at work on what it has looked up in a second while it looks up the rest', async () => {
    assert.deepEqual(await stuckRound(600, 3 * maxPagesPerSend), [look, look, send, send, look]);
  });

  it('hands over at once what it can look up sooner', async () => {
    assert.deepEqual(await stuckRound(100, 3 * maxPagesPerSend), [look, look, look, send, send]);
  });

  it('does not wait for one task’s pages to land before it sends the next one’s', async () => {
    assert.deepEqual(
      await stuckRound(0, 10, 10, 10),
      [1, 2, 3].flatMap((task) => [`look up ${task}`, `send ${task}`]),
    );
  });
});
