/**
 * The rounds against a simulated guest and a simulated relay: pages are written, mapped, unmapped, moved to other
 * frames and swapped out at every moment between the scan and the relay's read, and a frame that was left is
 * somebody else's at once. What CRIU will look for after the last round must have landed, as frozen.
 */
import assert from 'node:assert/strict';

import fc from 'fast-check';

import { parseBatchPolicy, type RunList, type SentRuns } from '../../../libraries/hypercall/index.js';
import { systemClock } from '../../../libraries/process/index.js';
import { FrameRuns } from '../scan/frame-runs.js';
import { TaskMemory } from '../scan/task-memory.js';
import { PortkeyRounds } from './portkey-round.js';
import { garbage, pageCount, SimulatedTask, type Event, type EventKind } from './simulated-task.js';

const zeroPfn = 1;
const task = { pid: 10, namespacePid: 1 };

/**
 * Runs a round for each list of events, which come around the relay's reads, what is left of them after the round;
 * the last list is the frozen round's, and goes on after it, until CRIU looks. With `keepsDirty` the dirty bits are left
 * alone then. Returns what is wrong afterwards, and how many pages the frozen round has sent.
 */
async function simulate(
  running: readonly (readonly Event[])[],
  frozen: readonly Event[],
  keepsDirty: boolean,
): Promise<{ wrong: string[]; frozenPages: number }> {
  const simulated = new SimulatedTask();
  for (let index = 0; index < pageCount; index += 2) simulated.apply({ kind: 'map', index });
  const memory = new TaskMemory(task, simulated, zeroPfn, new FrameRuns());
  const landed = new Map<number, number>();
  let left: Event[] = [];
  const happen = (): void => {
    const event = left.shift();
    if (event !== undefined) simulated.apply(event);
  };
  simulated.onLookUp = happen;
  // The task itself stands still then, or has not been asked for its pages yet.
  simulated.onClearDirty = () => {
    if (left[0]?.kind === 'collapse') happen();
  };
  let sentPages = 0;
  const send = (_: number, runs: RunList): Promise<SentRuns> => {
    happen();
    sentPages += runs.pageCount;
    for (let index = 0; index < runs.length; index += 1) {
      for (let offset = 0; offset < runs.count(index); offset += 1) {
        landed.set(runs.page(index) + offset, simulated.ram.get(runs.pfn(index) + offset) ?? garbage);
      }
      happen();
    }
    return Promise.resolve({
      landed: Promise.resolve({ bytes: 0, starvedUs: 0, queueDepth: 0, answered: 1 }),
    });
  };
  const rounds = new PortkeyRounds({
    migrationId: 'simulated',
    client: {
      open: () => Promise.resolve(1),
      send,
      drop: (_: number, pages: RunList) => {
        for (let run = 0; run < pages.length; run += 1) {
          for (let offset = 0; offset < pages.count(run); offset += 1)
            landed.delete(pages.page(run) + offset);
        }
        return Promise.resolve({
          landed: Promise.resolve({ bytes: 0, starvedUs: 0, queueDepth: 0, answered: 1 }),
        });
      },
      closeObject: () => Promise.resolve(),
      hypercallSeconds: 0,
    },
    policy: parseBatchPolicy('fixed:4'),
    memory: {
      // As container-memory.ts does it.
      snapshot: (frozen) => {
        if (!frozen && index === 0) memory.clearDirty();
        else memory.withdrawMoved();
        const pages = memory.ownPages();
        if (frozen ? !keepsDirty : index > 0) memory.clearDirty();
        return Promise.resolve({
          ...{ tasks: [{ memory, pages }], pausedSeconds: 0 },
          keepsDirty: frozen && keepsDirty,
        });
      },
    },
    clock: systemClock,
    cpuSeconds: () => 0,
  });
  let index = 0;
  let reportedPages = 0;
  for (const events of running) {
    left = [...events];
    reportedPages += (await rounds.run(options(index, false))).pages;
    while (left.length > 0) happen();
    index += 1;
  }
  simulated.frozen = true;
  left = [...frozen];
  const { pages: frozenPages } = await rounds.run(options(index, true));
  const gone = [...landed.keys()].filter((page) => !simulated.pages.has(page)).length;
  const { size } = simulated.pages;
  assert.ok(gone <= size / 5, `the landing has ${gone} pages beside the container's ${size}`);
  assert.equal(reportedPages + frozenPages, sentPages);
  while (left.length > 0) happen();
  const vouchedFor = new Set(
    [...rounds.present.entries()].flatMap(([, runs]) =>
      runs.flatMap(({ page, pageCount: count }) => Array.from({ length: count }, (_, at) => page + at)),
    ),
  );
  const wrong = [...simulated.pages].flatMap(([page, { content, softDirty }]) => {
    if (softDirty)
      return keepsDirty && vouchedFor.has(page) ? [`page ${page} is dirty and in the parent`] : [];
    if (!vouchedFor.has(page)) return [`page ${page} is not in the parent`];
    return landed.get(page) === content ? [] : [`page ${page} landed as ${landed.get(page)}, is ${content}`];
  });
  return { wrong, frozenPages };
}

async function migrate(
  running: readonly (readonly Event[])[],
  frozen: readonly Event[],
  keepsDirty = false,
): Promise<string[]> {
  return (await simulate(running, frozen, keepsDirty)).wrong;
}

const options = (index: number, last: boolean) => ({
  ...{ index, last },
  onProgress: () => undefined,
  signal: new AbortController().signal,
});

describe('rounds in Portkey mode', () => {
  const eventOf = (...kinds: EventKind[]): fc.Arbitrary<Event> =>
    fc.record({ kind: fc.constantFrom(...kinds), index: fc.nat(pageCount - 1) });

  it('leave every page that CRIU will look for landed as it is, whatever the guest does meanwhile', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(eventOf('write', 'map', 'unmap', 'move', 'swap-out', 'collapse', 'remap')), {
          minLength: 1,
          maxLength: 3,
        }),
        fc.array(eventOf('move', 'swap-out', 'collapse'), { maxLength: 8 }),
        fc.boolean(),
        async (running, frozen, keepsDirty) =>
          assert.deepEqual(await migrate(running, frozen, keepsDirty), []),
      ),
      { numRuns: 500 },
    );
  });

  it('bring back a page that was swapped out while the frozen container’s pages travelled', async () => {
    const writes = Array.from({ length: 40 }, (): Event => ({ kind: 'write', index: 0 }));
    assert.deepEqual(await migrate([writes], [{ kind: 'swap-out', index: 0 }]), []);
  });

  it('send a page that the kernel made of a hole after it had been asked, while the container was frozen', async () => {
    assert.deepEqual(await migrate([[]], [{ kind: 'collapse', index: 1 }]), []);
  });

  it('send nothing where only dirty pages are left, and those to CRIU', async () => {
    const writes = Array.from({ length: 40 }, (): Event => ({ kind: 'write', index: 0 }));
    assert.deepEqual(await simulate([writes], [], true), { wrong: [], frozenPages: 0 });
    const collapse: Event = { kind: 'collapse', index: 1 };
    assert.deepEqual(await simulate([writes], [collapse], true), { wrong: [], frozenPages: 0 });
    assert.deepEqual((await simulate([writes], [], false)).frozenPages, 1);
  });

  it('send a page that was left to CRIU and has lost its dirty bit, where they look again', async () => {
    // The first moves while it travels, so the frozen round has something to send; the other is written afterwards.
    const moves = Array.from({ length: 20 }, (): Event => ({ kind: 'move', index: 2 }));
    const writes = Array.from({ length: 20 }, (): Event => ({ kind: 'write', index: 0 }));
    const merge: Event = { kind: 'merge', index: 0 };
    assert.deepEqual(await simulate([[...moves, ...writes]], [merge], true), { wrong: [], frozenPages: 2 });
  });

  it('vouch for no page that was swapped out again before it was looked at', async () => {
    const write: Event = { kind: 'write', index: 0 };
    const swapOut: Event = { kind: 'swap-out', index: 0 };
    const calm: Event = { kind: 'move', index: 1 };
    // Sent in the first round, written after it, gone when the next round looks.
    const writes = Array.from({ length: 40 }, () => write);
    assert.deepEqual(await migrate([writes], [swapOut]), []);
    assert.deepEqual(await migrate([writes, [swapOut, calm]], []), []);
  });

  it('send pages that mremap has put over others which were sent, although they are clean', async () => {
    const calm = Array.from({ length: 40 }, (): Event => ({ kind: 'move', index: 1 }));
    for (const index of [0, pageCount - 1])
      for (const keepsDirty of [false, true])
        assert.deepEqual(await migrate([[...calm, { kind: 'remap', index }]], [], keepsDirty), []);
  });

  it('give up where a frozen container’s pages never stop moving', async () => {
    const moves = Array.from({ length: 200 }, (): Event => ({ kind: 'move', index: 0 }));
    const writes = Array.from({ length: 40 }, (): Event => ({ kind: 'write', index: 0 }));
    await assert.rejects(migrate([writes], moves), { code: 'pages-will-not-settle' });
  });
});
