import assert from 'node:assert/strict';

import { metricNames } from './promql.js';

describe('the names in PromQL', () => {
  it('are those of metrics, not of labels and functions', () => {
    const names = metricNames(
      '1 - sum by (side) (rate(a_total{mode="b"}[1m])) / on (mode) level:c:sum or vector(0)',
    );
    assert.deepEqual([...names], ['a_total', 'level:c:sum']);
  });

  for (const broken of ['sum(a', 'rate(a[)', 'a b', 'a{mode=}', ''])
    it(`are not to be had from: ${broken}`, () => {
      assert.throws(() => metricNames(broken), /not PromQL/);
    });

  it('must be written out', () => {
    assert.throws(() => metricNames('sum({__name__=~"a.*"})'), /no metric's name/);
  });
});
