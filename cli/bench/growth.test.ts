import assert from 'node:assert/strict';

import fc from 'fast-check';

import { sampleBenchMigration } from '../../tests/support/sample-bench.js';
import type { BenchMigration } from './bench-migration.js';
import { fitOf, growthOf, type SizePoint } from './growth.js';
import { growthTable } from './growth-table.js';
import { modeStatisticsOf } from './statistics.js';

const mib = 2 ** 20;
const sizes = [64 * mib, 256 * mib, 1024 * mib, 2048 * mib];

const pointsOf = (seconds: (gib: number) => number, of = sizes): SizePoint[] =>
  of.map((bytes) => ({ gib: bytes / 2 ** 30, seconds: seconds(bytes / 2 ** 30) }));

/** One whose source used so much for the transfer. */
function migration(memoryBytes: number, transfer: number, writeBytesPerSecond = 0): BenchMigration {
  const planned = { mode: 'portkey', repetition: 1, warmUp: false } as const;
  const sample = sampleBenchMigration({ memoryBytes, writeBytesPerSecond }, planned);
  const { source, destination } = sample.cpuSeconds;
  assert.ok(source !== null);
  return { ...sample, cpuSeconds: { source: { ...source, transfer }, destination } };
}

describe('the line of CPU against size', () => {
  it('is found again where there is one, whatever the sizes', () => {
    const some = fc.uniqueArray(fc.integer({ min: 1, max: 4096 }), { minLength: 3, maxLength: 8 });
    const figure = fc.double({ min: 0.01, max: 20, noNaN: true });
    fc.assert(
      fc.property(some, figure, figure, (mebibytes, fixed, perGib) => {
        const ascending = mebibytes.toSorted((a, b) => a - b).map((count) => count * mib);
        const fit = fitOf(pointsOf((gib) => fixed + perGib * gib, ascending));
        assert.ok(fit !== null);
        assert.ok(Math.abs(fit.fixedSeconds - fixed) < 1e-6);
        assert.ok(Math.abs(fit.secondsPerGib - perGib) < 1e-6);
        assert.ok(fit.deviationPercent < 1e-6 && Math.abs(fit.aboveForetoldPercent) < 1e-3);
      }),
    );
  });

  it('lies nowhere nearer to the medians than least squares has it', () => {
    const seconds = fc.array(fc.double({ min: 0.1, max: 10, noNaN: true }), { minLength: 4, maxLength: 4 });
    const shift = fc.double({ min: -1, max: 1, noNaN: true });
    fc.assert(
      fc.property(seconds, shift, shift, (values, up, steeper) => {
        const points = pointsOf((gib) => gib).map((point, index) => ({
          ...point,
          seconds: values[index] ?? 0,
        }));
        const fit = fitOf(points);
        assert.ok(fit !== null);
        const squares = (fixed: number, perGib: number): number =>
          points.reduce((sum, point) => sum + (point.seconds - fixed - perGib * point.gib) ** 2, 0);
        const { fixedSeconds, secondsPerGib } = fit;
        assert.ok(squares(fixedSeconds, secondsPerGib) <= squares(fixedSeconds + up, secondsPerGib + steeper) + 1e-9); // prettier-ignore
      }),
    );
  });

  it('does not foretell what grows with the square, which its deviation alone would let pass', () => {
    const square = fitOf(pointsOf((gib) => 2 + gib ** 2, sizes.slice(0, 3)));
    assert.ok(square !== null);
    assert.ok(square.deviationPercent < 10, String(square.deviationPercent));
    assert.ok(square.aboveForetoldPercent > 20, String(square.aboveForetoldPercent));
    const slight = fitOf(pointsOf((gib) => 1.9 + 0.2 * gib ** 2));
    assert.ok(slight !== null && slight.aboveForetoldPercent > 40, 'in spite of its large fixed part');
    const root = fitOf(pointsOf((gib) => Math.sqrt(gib)));
    assert.ok(root !== null && root.aboveForetoldPercent < 0);
  });

  it('is of three sizes at least', () => {
    assert.equal(fitOf(pointsOf((gib) => gib, sizes.slice(0, 2))), null);
  });
});

describe('growth with size', () => {
  const migrations = sizes.map((bytes) => migration(bytes, 1.5 + 0.5 * (bytes / 2 ** 30)));

  it('is that of idle containers, a row a mode and host', () => {
    const written = sizes.map((bytes) => migration(bytes, 100, 5 * mib));
    const growth = growthOf(modeStatisticsOf([...migrations.toReversed(), ...written]));
    assert.deepEqual(growth.map(({ mode, sizes: of }) => [mode, of]), [['portkey', sizes]]); // prettier-ignore
    const rows = growthTable(growth)?.rows;
    assert.deepEqual(rows?.[0], ['Portkey, source', '1.50 s', '0.50 s', '0.0 %', '0.0 %']);
    assert.deepEqual(rows.length, 2);
  });

  it('is not known of two sizes, nor of a host that did not answer each time', () => {
    assert.deepEqual(growthOf(modeStatisticsOf(migrations.slice(0, 2))), []);
    assert.equal(growthTable([]), undefined);
    const [first, ...others] = migrations;
    assert.ok(first !== undefined);
    const unread = { ...first, cpuSeconds: { ...first.cpuSeconds, source: null } };
    const growth = growthOf(modeStatisticsOf([unread, ...others]));
    assert.equal(growth[0]?.source, null);
    assert.notEqual(growth[0].destination, null);
    assert.deepEqual(growthTable(growth)?.rows.map(([name]) => name), ['Portkey, destination']); // prettier-ignore
  });
});
