import assert from 'node:assert/strict';

import { parseBatchPolicy, type SentRuns } from '../../../libraries/hypercall/index.js';
import { systemClock } from '../../../libraries/process/index.js';
import { FrameRuns } from '../scan/frame-runs.js';
import { TaskMemory } from '../scan/task-memory.js';
import { PortkeyRounds } from './portkey-round.js';
import { RoundMeter } from './round-meter.js';
import { pageCount, SimulatedTask } from './simulated-task.js';

describe("a round's CPU", () => {
  it('goes to what was named at the end of each lap', () => {
    let nowSeconds = 5;
    const meter = new RoundMeter(() => nowSeconds);
    const laps = [
      ['scanSeconds', 1],
      ['hypercallSeconds', 4],
      ['scanSeconds', 2],
    ] as const;
    for (const [use, seconds] of laps) {
      nowSeconds += seconds;
      meter.spentOn(use);
    }
    nowSeconds += 100;
    assert.deepEqual(meter.result, { scanSeconds: 3, hypercallSeconds: 4 });
  });

  it('is parted in Portkey mode into looking at pages and hypercalls, frozen or not', async () => {
    const simulated = new SimulatedTask();
    for (let index = 0; index < pageCount; index += 2) simulated.apply({ kind: 'map', index });
    const memory = new TaskMemory({ pid: 10, namespacePid: 1 }, simulated, 1, new FrameRuns());
    const used = { scanSeconds: 0, hypercallSeconds: 0 };
    const look = simulated.look.bind(simulated);
    simulated.look = (first, count) => {
      used.scanSeconds += 1;
      return look(first, count);
    };
    const hypercall = <T>(result: T): Promise<T> => {
      used.hypercallSeconds += 1;
      return Promise.resolve(result);
    };
    const landed = { bytes: 0, starvedUs: 0, queueDepth: 0, answered: 1 };
    let moves = 0;
    const rounds = new PortkeyRounds({
      migrationId: 'simulated',
      client: {
        open: () => hypercall(1),
        send: () => {
          // So that it has to be sent once more, and the frozen round has a second pass.
          if (moves-- > 0) simulated.apply({ kind: 'move', index: 0 });
          return hypercall<SentRuns>({ landed: Promise.resolve(landed) });
        },
        drop: () => hypercall<SentRuns>({ landed: Promise.resolve(landed) }),
        closeObject: () => hypercall(undefined),
        hypercallSeconds: 0,
      },
      policy: parseBatchPolicy('fixed:4'),
      memory: {
        snapshot: () => {
          const pages = memory.ownPages();
          memory.clearDirty();
          used.scanSeconds += 1;
          return Promise.resolve({ tasks: [{ memory, pages }], pausedSeconds: 0, keepsDirty: false });
        },
      },
      clock: systemClock,
      cpuSeconds: () => used.scanSeconds + used.hypercallSeconds,
    });
    for (const last of [false, true]) {
      Object.assign(used, { scanSeconds: 0, hypercallSeconds: 0 });
      simulated.apply({ kind: 'write', index: 0 });
      moves = last ? 1 : 0;
      const signal = new AbortController().signal;
      const { cpu, pages } = await rounds.run({ index: 0, last, onProgress: () => undefined, signal });
      if (last) assert.equal(pages, 2);
      assert.ok(used.scanSeconds > 1 && used.hypercallSeconds > 1);
      assert.deepEqual(cpu, used);
    }
  });
});
