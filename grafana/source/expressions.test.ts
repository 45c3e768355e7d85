import assert from 'node:assert/strict';

import { panelExpressions, substitute } from './expressions.js';

describe('the expressions of the dashboards', () => {
  it('are those of panels, annotations and variables, of all three', () => {
    const found = panelExpressions();
    const uids = ['portkey-migrations', 'portkey-hypercalls', 'portkey-cpu'];
    for (const kind of ['panel', 'annotation', 'variable']) {
      const dashboards = new Set(found.filter((one) => one.kind === kind).map((one) => one.dashboard));
      assert.deepEqual([...dashboards], uids, kind);
    }
    assert.deepEqual(
      found.filter(({ panel, expr }) => panel === '' || expr === ''),
      [],
    );
  });

  it('have the way in which Grafana asks', () => {
    const of = (title: string): boolean[] =>
      panelExpressions()
        .filter(({ panel }) => panel === title)
        .map(({ instant }) => instant);
    assert.deepEqual(of('Running now'), [true]);
    assert.deepEqual(of('Phase'), [false]);
  });

  it('hold no variable once they are substituted', () => {
    for (const { panel, expr } of panelExpressions()) assert.doesNotMatch(substitute(expr), /\$/, panel);
  });

  it('get the values that they are given, in both ways to write them', () => {
    const values = { mode: 'criu', __range: '5m' };
    assert.equal(substitute('rate(x{mode=~"$mode"}[${__range}])', values), 'rate(x{mode=~"criu"}[5m])');
  });

  it('keep the $ of a regular expression', () => {
    assert.equal(substitute('x{mode=~"criu$"}'), 'x{mode=~"criu$"}');
  });

  it('are refused with a variable that nobody knows', () => {
    assert.throws(() => substitute('x{vm="$vm"}'), /no value for \$vm in: x/);
  });
});
