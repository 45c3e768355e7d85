/**
 * Tasks that come and go, in rounds over a simulated relay that takes its time: it works off what it is told in order, each
 * a turn of the event loop later, into files by their names.
 */
import assert from 'node:assert/strict';

import { parseBatchPolicy, type RunList, type SentRuns } from '../../../libraries/hypercall/index.js';
import { systemClock } from '../../../libraries/process/index.js';
import { FrameRuns } from '../scan/frame-runs.js';
import { TaskMemory } from '../scan/task-memory.js';
import { PortkeyRounds } from './portkey-round.js';
import { SimulatedTask } from './simulated-task.js';
import type { ObjectClient } from './task-objects.js';

type File = Map<number, number>;

class SimulatedRelay implements ObjectClient {
  readonly files = new Map<string, File>();
  readonly said: string[] = [];
  /** Whose frames are meant. */
  ram = new Map<number, number>();
  private readonly objects = new Map<number, string>();
  private queue: Promise<void> = Promise.resolve();

  open(_: string, name: string): Promise<number> {
    assert.ok(![...this.objects.values()].includes(name), `${name} is open`);
    const object = this.said.length;
    this.said.push('open');
    this.objects.set(object, name);
    return Promise.resolve(object);
  }

  send(object: number, runs: RunList): Promise<SentRuns> {
    const { ram } = this;
    return this.later('send', object, (file) =>
      eachPage(runs, (page, pfn) => file.set(page, ram.get(pfn) ?? -1)),
    );
  }

  drop(object: number, pages: RunList): Promise<SentRuns> {
    return this.later('drop', object, (file) => eachPage(pages, (page) => file.delete(page)));
  }

  closeObject(object: number): Promise<void> {
    this.said.push('close');
    assert.ok(this.objects.delete(object), 'it is open');
    return Promise.resolve();
  }

  private later(what: string, object: number, work: (file: File) => void): Promise<SentRuns> {
    this.said.push(what);
    const name = this.objects.get(object);
    assert.ok(name !== undefined, `${what} for an object that is not open`);
    const file = this.files.get(name) ?? new Map<number, number>();
    this.files.set(name, file);
    this.queue = this.queue.then(async () => {
      await new Promise((resolve) => setImmediate(resolve));
      work(file);
    });
    const answer = { bytes: 0, starvedUs: 0, queueDepth: 0, answered: 1 };
    return Promise.resolve({ landed: this.queue.then(() => answer) });
  }
}

function eachPage(runs: RunList, visit: (page: number, pfn: number) => void): void {
  for (let run = 0; run < runs.length; run += 1)
    for (let offset = 0; offset < runs.count(run); offset += 1)
      visit(runs.page(run) + offset, runs.pfn(run) + offset);
}

function taskWith(
  indices: readonly number[],
  namespacePid: number,
): { task: SimulatedTask; memory: TaskMemory } {
  const task = new SimulatedTask();
  for (const index of indices) task.apply({ kind: 'map', index });
  return { task, memory: new TaskMemory({ pid: 10, namespacePid }, task, 1, new FrameRuns()) };
}

describe('the landing files of tasks', () => {
  it('hold what the tasks have in the end, and nothing of those that ended or called exec', async () => {
    const relay = new SimulatedRelay();
    const before = taskWith([0, 1, 2, 3, 20], 1);
    const after = taskWith([2, 3, 4, 5], 1);
    const child = taskWith([7, 8], 2);
    const living = [[before, child], [after], [after]];
    let round = 0;
    const rounds = new PortkeyRounds({
      migrationId: 'simulated',
      client: Object.assign(relay, { hypercallSeconds: 0 }),
      policy: parseBatchPolicy('fixed:4'),
      memory: {
        snapshot: () => {
          const tasks = (living[round] ?? []).map(({ memory }) => ({ memory, pages: memory.ownPages() }));
          for (const { memory } of tasks) memory.clearDirty();
          round += 1;
          return Promise.resolve({ tasks, pausedSeconds: 0, keepsDirty: false });
        },
      },
      clock: systemClock,
      cpuSeconds: () => 0,
    });
    // All of them number their frames alike, and have the same content there.
    relay.ram = before.task.ram;
    let hypercalls = 0;
    for (let index = 0; index < 3; index += 1) {
      const { signal } = new AbortController();
      const result = await rounds.run({ index, last: index === 2, onProgress: () => undefined, signal });
      hypercalls += result.hypercalls;
    }
    const landed = (name: string): [number, number][] => [
      ...(relay.files.get(`memory/pages-${name}.img`) ?? []),
    ];
    const wanted = [...after.task.pages].map(([page, { content }]): [number, number] => [page, content]);
    assert.deepEqual(landed('1').sort(), wanted.sort());
    assert.deepEqual(landed('2'), []);
    assert.equal(hypercalls, relay.said.length);
    assert.equal(relay.said.filter((what) => what === 'open').length, 3);
    assert.equal(relay.said.filter((what) => what === 'close').length, 3);
  });
});
