/**
 * Has a migration's loops compiled before the first one needs them.
 *
 * V8 interprets a loop until it has seen it run often, and compiles it for the kinds of numbers it has seen; in an
 * emulated guest that costs the first migration of a freshly started agent three seconds. So when the agent starts it
 * plays a few migrations of its own process through, with everything but the relay: real page tables, real addresses,
 * the frames of the hypercalls, the parent images. Nothing is sent and nothing is frozen. Between two rounds the agent
 * answers whoever asks.
 */
import { setImmediate as otherWork } from 'node:timers/promises';

import { encodePagemap } from '../../libraries/criu-images/index.js';
import {
  FrameWriter,
  parseBatchPolicy,
  type RunList,
  type SentRuns,
} from '../../libraries/hypercall/index.js';
import type { Clock } from '../../libraries/process/index.js';
import { PortkeyRounds } from './rounds/portkey-round.js';
import { TaskMemory } from './scan/task-memory.js';
import { TaskPagemap, type PagemapReader } from './scan/task-pagemap.js';

const migrations = 3;

/** `reader` is the one that migrations use, too. */
export async function rehearse(reader: PagemapReader, clock: Clock): Promise<void> {
  for (let migration = 0; migration < migrations; migration += 1) {
    const pagemap = TaskPagemap.open({ pid: process.pid }, reader);
    if (pagemap === undefined) return;
    const memory = new TaskMemory(
      { pid: process.pid, namespacePid: 1 },
      pagemap,
      reader.zeroPfn,
      reader.frames,
    );
    try {
      await rehearseOne(memory, clock);
    } finally {
      memory.close();
    }
  }
}

async function rehearseOne(memory: TaskMemory, clock: Clock): Promise<void> {
  const frames = new FrameWriter();
  const send = async (object: number, runs: RunList): Promise<SentRuns> => {
    frames.encode({ type: 'send', object, runs });
    await otherWork();
    return { landed: Promise.resolve({ bytes: 0, starvedUs: 1_000, queueDepth: 0, answered: 1 }) };
  };
  const rounds = new PortkeyRounds({
    migrationId: 'rehearsal',
    client: {
      open: () => Promise.resolve(1),
      send,
      drop: send,
      closeObject: () => Promise.resolve(),
      hypercallSeconds: 0,
    },
    policy: parseBatchPolicy('adaptive'),
    memory: {
      snapshot: () => {
        memory.withdrawMoved();
        memory.clearDirty();
        return Promise.resolve({
          ...{ tasks: [{ memory, pages: memory.ownPages() }] },
          ...{ pausedSeconds: 0, keepsDirty: false },
        });
      },
    },
    clock,
    cpuSeconds: () => 0,
  });
  // Not the frozen round: this process goes on writing, and its pages would not settle.
  for (let index = 0; index < 3; index += 1) {
    const signal = new AbortController().signal;
    await rounds.run({ index, last: false, onProgress: () => undefined, signal });
  }
  const pages = memory.ownPages();
  Array.from(memory.select(memory.unsent(pages)));
  rounds.present.set(1, pages);
  for (const [pagesId, runs] of rounds.present.entries()) encodePagemap({ pagesId, runs });
}
