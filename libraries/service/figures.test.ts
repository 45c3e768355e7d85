import assert from 'node:assert/strict';

import { Registry } from 'prom-client';

import { Figures, type Figure } from './figures.js';

interface Trip {
  readonly seconds: number;
  readonly passengers: number | null;
}

const trips: readonly Figure<Trip>[] = [
  { name: 'trip_seconds', help: 'Time.', buckets: [1, 10], of: ({ seconds }) => seconds },
  { name: 'trip_passengers', help: 'Aboard.', buckets: [0, 4], of: ({ passengers }) => passengers },
];

describe('figures of what happens', () => {
  it('have all that was observed, and not only the last', async () => {
    const registry = new Registry();
    const figures = new Figures(registry, trips, { line: ['red', 'blue'] });
    figures.observe({ seconds: 0.5, passengers: 0 }, { line: 'a' });
    figures.observe({ seconds: 6, passengers: 3 }, { line: 'a' });
    figures.observe({ seconds: 60, passengers: 3 }, { line: 'b' });
    const text = await registry.metrics();
    assert.match(text, /^trip_seconds_bucket\{le="1",line="a"\} 1$/m);
    assert.match(text, /^trip_seconds_sum\{line="a"\} 6\.5$/m);
    assert.match(text, /^trip_seconds_count\{line="b"\} 1$/m);
    assert.match(text, /^trip_passengers_bucket\{le="0",line="a"\} 1$/m);
  });

  it('leave out what is not known or has no end', async () => {
    const registry = new Registry();
    const figures = new Figures(registry, trips, {});
    figures.observe({ seconds: Infinity, passengers: 2 }, {});
    figures.observe({ seconds: 2, passengers: null }, {});
    const text = await registry.metrics();
    assert.match(text, /^trip_seconds_sum 2$/m);
    assert.match(text, /^trip_seconds_count 1$/m);
    assert.match(text, /^trip_passengers_count 1$/m);
  });
});
