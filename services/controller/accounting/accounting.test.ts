import assert from 'node:assert/strict';

import fc from 'fast-check';

import type { Clock } from '../../../libraries/process/index.js';
import type { CpuReading, CpuSeconds } from '../../../libraries/rpc/index.js';
import { accountSide } from './cpu.js';
import { CpuLedger, type CpuAccount } from './cpu-ledger.js';
import { firstTaskRan } from './downtime.js';
import { Stopwatch } from './stopwatch.js';

const used = (vm: number, rest: Partial<CpuSeconds> = {}): CpuSeconds => ({
  ...{ vm, relay: 0, virtiofsd: 0, vhost: 0 },
  ...rest,
});

const reading = (atSeconds: number, vm: number, rest: Partial<CpuSeconds> = {}): CpuReading => ({
  atSeconds,
  used: used(vm, rest),
  idlePerSecond: used(0.1),
});

const sum = (values: Readonly<Record<string, number>>): number =>
  Object.values(values).reduce((total, value) => total + value, 0);

describe('CPU seconds of one side', () => {
  it('are what each phase used, less what an idle VM uses in that time', () => {
    const side = accountSide(reading(100, 50), [
      { phase: 'precopy', reading: reading(110, 54, { relay: 0.5 }) },
      { phase: 'final', reading: reading(111, 55, { relay: 0.6 }) },
      { phase: 'restore', reading: reading(113, 55.1, { relay: 0.6, virtiofsd: 0.25 }) },
    ]);
    const rounded = (value: number): number => Math.round(value * 1e6) / 1e6;
    assert.deepEqual(Object.values(side.byPhase).map(rounded), [3.5, 1, 0.25]);
    assert.deepEqual(Object.values(side.byComponent).map(rounded), [3.9, 0.6, 0.25, 0]);
    assert.deepEqual([side.total, side.transfer, side.idle].map(rounded), [4.75, 4.5, 1.2]);
  });

  it('count nothing for a process that started anew, and nothing below zero', () => {
    const side = accountSide(reading(0, 1_000), [{ phase: 'precopy', reading: reading(10, 3) }]);
    assert.deepEqual([side.total, side.idle], [0, 0]);
  });

  it('add up: by phase, by component, and with what was taken off to what was used', () => {
    const seconds = fc.double({ min: 0, max: 1_000, noNaN: true });
    const anyReading = fc.record({
      atSeconds: seconds,
      used: fc.record({ vm: seconds, relay: seconds, virtiofsd: seconds, vhost: seconds }),
      idlePerSecond: fc.record({ vm: seconds, relay: seconds, virtiofsd: seconds, vhost: seconds }),
    });
    fc.assert(
      fc.property(fc.array(anyReading, { minLength: 1, maxLength: 4 }), (readings) => {
        const [start, ...later] = readings;
        if (start === undefined) return;
        const phases = ['precopy', 'final', 'restore'] as const;
        const ends = later.map((end, index) => ({ phase: phases[index] ?? 'restore', reading: end }));
        const side = accountSide(start, ends);
        const near = (a: number, b: number): boolean => Math.abs(a - b) < 1e-6;
        assert.ok(near(sum(side.byPhase), side.total) && near(sum(side.byComponent), side.total));
        assert.ok(near(side.byPhase.precopy + side.byPhase.final, side.transfer));
        assert.ok([side.total, side.idle, ...Object.values(side.byPhase)].every((value) => value >= 0));
      }),
    );
  });
});

describe('the CPU ledger', () => {
  it('has no figures for a side whose relay did not answer, and the other side’s all the same', async () => {
    let at = 0;
    const ledger = new CpuLedger(
      () => Promise.resolve(reading((at += 1), at * 2)),
      () => Promise.reject(new Error('gone')),
    );
    ledger.endPhase();
    ledger.endPhase();
    const { source, destination } = (await ledger.result()).cpuSeconds;
    assert.equal(destination, null);
    assert.ok(Math.abs((source?.byPhase.final ?? 0) - 1.9) < 1e-9);
    assert.equal(source?.byPhase.restore, 0);
  });

  /** The account of a source whose readings come one after the other; undefined ones are lost. */
  async function accountOf(readings: readonly (CpuReading | undefined)[]): Promise<CpuAccount> {
    let next = 0;
    const ledger = new CpuLedger(
      () => {
        const answer = readings[next++];
        return answer === undefined ? Promise.reject(new Error('lost')) : Promise.resolve(answer);
      },
      () => Promise.reject(new Error('gone')),
    );
    for (let phase = 1; phase < readings.length; phase++) ledger.endPhase();
    return ledger.result();
  }

  it('counts a phase whose end was lost with the next one', async () => {
    const readings = [reading(0, 0), reading(10, 5), reading(12, 7), reading(15, 11)];
    const without = async (...lost: number[]): Promise<number[] | null> => {
      const kept = readings.map((one, index) => (lost.includes(index) ? undefined : one));
      const { source } = (await accountOf(kept)).cpuSeconds;
      if (source === null) return null;
      return [source.total, ...Object.values(source.byPhase)].map((value) => Math.round(value * 1e6) / 1e6);
    };
    assert.deepEqual(await without(), [9.5, 4, 1.8, 3.7]);
    assert.deepEqual(await without(1), [9.5, 0, 5.8, 3.7]);
    assert.deepEqual(await without(2), [9.5, 4, 0, 5.5]);
    assert.deepEqual(await without(1, 2), [9.5, 0, 0, 9.5]);
    assert.equal(await without(0), null);
    assert.equal(await without(3), null);
  });

  it('says which phases it could not tell apart', async () => {
    const { merged } = await accountOf([reading(0, 0), undefined, undefined, reading(3, 3)]);
    assert.deepEqual(merged, [
      { side: 'source', phase: 'precopy', into: 'restore' },
      { side: 'source', phase: 'final', into: 'restore' },
    ]);
    assert.deepEqual((await accountOf([reading(0, 0), reading(1, 1), undefined])).merged, []);
  });

  it('does not ask a relay again that did not answer at the start', async () => {
    let asked = 0;
    const ledger = new CpuLedger(
      () => {
        asked += 1;
        return Promise.reject(new Error('gone'));
      },
      () => Promise.resolve(reading(0, 0)),
    );
    ledger.endPhase();
    ledger.endPhase();
    await ledger.result();
    assert.equal(asked, 1);
  });

  it('loses nothing of what was used, whichever readings between the first and the last are lost', async () => {
    const growing = fc.array(
      fc.record({
        seconds: fc.double({ min: 0, max: 100, noNaN: true }),
        used: fc.double({ min: 0, max: 100, noNaN: true }),
        lost: fc.boolean(),
      }),
      { minLength: 1, maxLength: 3 },
    );
    await fc.assert(
      fc.asyncProperty(growing, async (phases) => {
        const readings: (CpuReading | undefined)[] = [reading(0, 0)];
        let [at, vm] = [0, 0];
        for (const [index, phase] of phases.entries()) {
          [at, vm] = [at + phase.seconds, vm + phase.used];
          readings.push(phase.lost && index < phases.length - 1 ? undefined : reading(at, vm));
        }
        const { source } = (await accountOf(readings)).cpuSeconds;
        assert.ok(source !== null && Math.abs(source.total + source.idle - vm) < 1e-6);
      }),
    );
  });
});

describe('the downtime', () => {
  it('ends between the two trips of the Activate call', () => {
    const ran = firstTaskRan({ sentSeconds: 10, answeredSeconds: 10.05, ranSeconds: 0.04 });
    assert.ok(Math.abs(ran - 10.045) < 1e-9);
  });

  it('never ends outside of the call, whatever the other clock says', () => {
    assert.equal(firstTaskRan({ sentSeconds: 1, answeredSeconds: 2, ranSeconds: 5 }), 2);
    assert.equal(firstTaskRan({ sentSeconds: 1, answeredSeconds: 2, ranSeconds: -1 }), 1.5);
  });
});

describe('the stopwatch', () => {
  it('times steps, failed ones too, and sums them up to phases', async () => {
    let nowMs = 5_000;
    const clock: Clock = {
      monotonicMs: () => nowMs,
      wallTime: () => new Date(0),
      sleep: () => Promise.resolve(),
    };
    const stopwatch = new Stopwatch(clock);
    const taking = (ms: number) => (): Promise<void> => {
      nowMs += ms;
      return Promise.resolve();
    };
    await stopwatch.time('preflight', taking(100));
    await stopwatch.time('precopy', taking(2_000));
    await stopwatch.time('freeze', taking(50));
    await assert.rejects(
      stopwatch.time('dump', async () => {
        await taking(400)();
        throw new Error('CRIU says no');
      }),
    );
    assert.deepEqual(
      stopwatch.steps.map(({ name, phase, startSeconds }) => [name, phase, startSeconds]),
      [
        ['preflight', 'precopy', 0],
        ['precopy', 'precopy', 0.1],
        ['freeze', 'final', 2.1],
        ['dump', 'final', 2.15],
      ],
    );
    assert.deepEqual(
      stopwatch.phases().map(({ name, seconds }) => [name, Math.round(seconds * 1000)]),
      [
        ['precopy', 2_100],
        ['final', 450],
        ['restore', 0],
      ],
    );
  });
});
