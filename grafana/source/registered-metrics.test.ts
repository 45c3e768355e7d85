import assert from 'node:assert/strict';

import { seriesIn } from './registered-metrics.js';

describe('the series that a source registers', () => {
  it('are those of counters, gauges and histograms', () => {
    const source = `
      new Counter({ name: 'a_total', help: 'A.', registers });
      new Histogram({ name: 'b_seconds', help: 'B.', buckets: bs, ...common });
      total(registry, 'c_total', 'C.', () => 1);
      const figures = [{ name: 'd_pages', help: 'D.', buckets, of: (x) => x }];`;
    const parts = (name: string): string[] => [`${name}_bucket`, `${name}_sum`, `${name}_count`];
    assert.deepEqual(seriesIn(source), ['a_total', ...parts('b_seconds'), 'c_total', ...parts('d_pages')]);
  });

  it('are not what only has a name', () => {
    assert.deepEqual(seriesIn(`run({ name: 'vm-a', memory: 1 }); const text = 'a_total';`), []);
  });
});
