import assert from 'node:assert/strict';

import { Registry } from 'prom-client';

import { counterFromZero, histogramFromZero } from './from-zero.js';

const labels = { line: ['red', 'blue'], direction: ['out', 'in'] };

async function linesOf(registry: Registry, start: string): Promise<string[]> {
  const lines = (await registry.metrics()).split('\n');
  return lines.filter((line) => line.startsWith(start));
}

describe('metrics from zero', () => {
  it('have every combination of their labels before anything has happened, and count on from there', async () => {
    const registry = new Registry();
    const trips = counterFromZero(registry, { name: 'trips_total', help: 'Trips.', labels });
    assert.deepEqual(await linesOf(registry, 'trips_total'), [
      'trips_total{line="red",direction="out"} 0',
      'trips_total{line="red",direction="in"} 0',
      'trips_total{line="blue",direction="out"} 0',
      'trips_total{line="blue",direction="in"} 0',
    ]);
    trips.inc({ line: 'blue', direction: 'in' });
    assert.deepEqual((await linesOf(registry, 'trips_total')).slice(3), [
      'trips_total{line="blue",direction="in"} 1',
    ]);
  });

  it('have the buckets of a histogram, and what has no labels, once', async () => {
    const registry = new Registry();
    const help = 'Time of a trip.';
    const seconds = histogramFromZero(registry, { name: 'trip_seconds', help, labels, buckets: [1, 2] });
    const before = await linesOf(registry, 'trip_seconds');
    // Two buckets, the infinite one, sum and count.
    assert.equal(before.length, 4 * 5);
    assert.ok(before.every((line) => line.endsWith(' 0')));
    seconds.observe({ line: 'red', direction: 'out' }, 1.5);
    assert.equal((await linesOf(registry, 'trip_seconds')).length, before.length);
    counterFromZero(registry, { name: 'crashes_total', help: 'Crashes.', labels: {} });
    assert.deepEqual(await linesOf(registry, 'crashes_total'), ['crashes_total 0']);
  });
});
