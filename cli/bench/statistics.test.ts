import assert from 'node:assert/strict';

import fc from 'fast-check';

import { sampleBenchMigration } from '../../tests/support/sample-bench.js';
import type { ModeName } from '../options.js';
import type { BenchMigration } from './bench-migration.js';
import { relayStatisticsOf } from './relay.js';
import { savingsOf } from './savings.js';
import { modeStatisticsOf, spreadOf } from './statistics.js';

const cell = { memoryBytes: 2 ** 28, writeBytesPerSecond: 0 };

function migration(
  mode: ModeName,
  repetition: number,
  changes: Partial<BenchMigration> = {},
): BenchMigration {
  return { ...sampleBenchMigration(cell, { mode, repetition, warmUp: false }), ...changes };
}

/** All that keeps a migration from counting. */
const disqualified: Partial<BenchMigration>[] = [
  { warmUp: true },
  { outcome: 'rolled-back' },
  { outcome: 'failed' },
  { outcome: null },
  { verified: null },
  { verified: false },
  { connectionKept: false },
  { connectionKept: null },
  { workload: null },
  { requestedMode: 'portkey', mode: 'criu' },
];

const figure = fc.double({ min: 0.001, max: 1000, noNaN: true });

describe('a spread', () => {
  it('is the median of what is given, and its bounds', () => {
    assert.deepEqual(spreadOf([3, 1, 2]), { median: 2, minimum: 1, maximum: 3 });
    assert.deepEqual(spreadOf([4, 1, 2, 3]), { median: 2.5, minimum: 1, maximum: 4 });
    assert.deepEqual(spreadOf([7]), { median: 7, minimum: 7, maximum: 7 });
    assert.equal(spreadOf([]), null);
  });

  it('does not depend on the order, and has half of the values on either side', () => {
    fc.assert(
      fc.property(fc.array(figure, { minLength: 1 }), (values) => {
        const spread = spreadOf(values);
        assert.deepEqual(spreadOf(values.toReversed()), spread);
        assert.ok(spread !== null);
        const { median, minimum, maximum } = spread;
        assert.ok(values.every((value) => value >= minimum && value <= maximum));
        assert.ok(values.filter((value) => value <= median).length * 2 >= values.length);
        assert.ok(values.filter((value) => value >= median).length * 2 >= values.length);
      }),
    );
  });
});

describe('the statistics of a cell and mode', () => {
  it('are over what counts, whatever else there is', () => {
    fc.assert(
      fc.property(
        fc.array(figure, { minLength: 1, maxLength: 7 }),
        fc.array(fc.constantFrom(...disqualified), { maxLength: 7 }),
        (times, others) => {
          const counted = times.map((totalSeconds, index) => migration('criu', index + 1, { totalSeconds }));
          const rest = others.map((changes) => migration('criu', 99, { totalSeconds: 1e6, ...changes }));
          const statistics = modeStatisticsOf([...rest, ...counted]);
          assert.deepEqual(
            statistics.map(({ mode, count, totalSeconds }) => [mode, count, totalSeconds]),
            [['criu', times.length, spreadOf(times)]],
          );
        },
      ),
    );
  });

  it('tell sizes, write rates and modes apart', () => {
    const other = { name: 'redis', memoryBytes: 1, writeBytesPerSecond: 5 };
    const statistics = modeStatisticsOf([
      migration('criu', 1),
      migration('portkey', 1),
      migration('criu', 1, { workload: other }),
      migration('criu', 2),
    ]);
    assert.deepEqual(
      statistics.map(({ mode, memoryBytes, count }) => [mode, memoryBytes, count]),
      [
        ['criu', 2 ** 28, 2],
        ['portkey', 2 ** 28, 1],
        ['criu', 1, 1],
      ],
    );
  });

  it('have no CPU where none was measured, and else every phase and component', () => {
    const sample = migration('portkey', 1);
    const unmeasured = { source: null, destination: sample.cpuSeconds.destination };
    const [statistics] = modeStatisticsOf([migration('portkey', 1, { cpuSeconds: unmeasured })]);
    assert.equal(statistics?.source.total, null);
    assert.equal(statistics.destination.byPhase.final?.median, unmeasured.destination?.byPhase.final);
    assert.equal(statistics.destination.byComponent.relay?.median, unmeasured.destination?.byComponent.relay);
    assert.deepEqual([statistics.source.idle, statistics.source.vmByUse.rest], [null, null]);
    assert.equal(statistics.destination.idle?.median, unmeasured.destination?.idle);
  });
});

describe('savings', () => {
  it('are of each pair, not of the medians', () => {
    const pairs: [number, number][] = [
      [10, 5],
      [20, 4],
      [100, 90],
    ];
    const [savings] = savingsOf(
      pairs.flatMap(([criu, portkey], index) => [
        migration('criu', index + 1, { totalSeconds: criu }),
        migration('portkey', index + 1, { totalSeconds: portkey }),
      ]),
    );
    assert.equal(savings?.pairs, 3);
    const { median, minimum, maximum } = savings.percentLess.totalTime ?? {
      median: 0,
      minimum: 0,
      maximum: 0,
    };
    assert.deepEqual([median, minimum, maximum].map(Math.round), [50, 10, 80]);
  });

  it('are all the same where every pair has the same ratio, whatever drifts', () => {
    const ratio = fc.double({ min: 0.01, max: 3, noNaN: true });
    fc.assert(
      fc.property(fc.array(figure, { minLength: 1, maxLength: 6 }), ratio, (times, factor) => {
        const migrations = times.flatMap((downtimeSeconds, index) => [
          migration('criu', index + 1, { downtimeSeconds }),
          migration('portkey', index + 1, { downtimeSeconds: downtimeSeconds * factor }),
        ]);
        const { downtime } = savingsOf(migrations)[0]?.percentLess ?? { downtime: null };
        for (const value of [downtime?.median, downtime?.minimum, downtime?.maximum])
          assert.ok(Math.abs((value ?? NaN) - (1 - factor) * 100) < 1e-6);
      }),
    );
  });

  it('need both of a pair', () => {
    const broken = fc.array(fc.tuple(fc.constantFrom(0, 1), fc.constantFrom(...disqualified)), {
      maxLength: 4,
    });
    fc.assert(
      fc.property(broken, (breaks) => {
        const migrations = breaks.flatMap(([side, changes], index) => [
          migration('criu', index + 1, side === 0 ? changes : {}),
          migration('portkey', index + 1, side === 1 ? { ...changes, requestedMode: 'criu' } : {}),
        ]);
        const whole = [migration('criu', 50), migration('portkey', 50)];
        assert.deepEqual(
          savingsOf([...migrations, ...whole]).map(({ pairs }) => pairs),
          [1],
        );
      }),
    );
    assert.deepEqual(savingsOf([migration('criu', 1), migration('portkey', 2)]), []);
  });
});

describe('the relays against the floor', () => {
  const floor = [1, 2, 3].map((seconds) => ({
    bytes: cell.memoryBytes,
    sourceCpuSeconds: seconds / 8,
    destinationCpuSeconds: seconds / 8,
    seconds,
  }));

  it('are compared per GiB that landed, zero pages left out, both ends together', () => {
    const sample = migration('portkey', 1, { landed: { pages: 2 ** 20, bytes: 2 ** 28 } });
    const [source, destination] = [sample.cpuSeconds.source, sample.cpuSeconds.destination];
    const relay = (source?.byComponent.relay ?? 0) + (destination?.byComponent.relay ?? 0);
    const [statistics] = relayStatisticsOf([sample, migration('criu', 1)], floor);
    assert.equal(statistics?.floorSecondsPerGib.both?.median, 2);
    const perGib = relay * 4;
    assert.ok(Math.abs((statistics.relaySecondsPerGib.both?.median ?? 0) - perGib) < 1e-9);
    assert.ok(Math.abs((statistics.timesFloor ?? 0) - perGib / 2) < 1e-9);
  });

  it('have no ratio without a floor of their size, or without a reading', () => {
    const other = floor.map((entry) => ({ ...entry, bytes: 1 }));
    assert.equal(relayStatisticsOf([migration('portkey', 1)], other)[0]?.timesFloor, null);
    for (const landed of [null, { pages: 9, bytes: 0 }])
      assert.equal(relayStatisticsOf([migration('portkey', 1, { landed })], floor)[0]?.timesFloor, null);
    const unmeasured = migration('portkey', 1, { cpuSeconds: { source: null, destination: null } });
    assert.equal(relayStatisticsOf([unmeasured], floor)[0]?.timesFloor, null);
  });
});
