import assert from 'node:assert/strict';

import { transitions } from '../state/states.js';
import { findingsOf } from './checker.js';
import { promelaOf } from './promela.js';

const whole = `
(Spin Version 6.5.2 -- 6 December 2019)
Full statespace search for:
State-vector 204 byte, depth reached 212, errors: 0
   197911 states, stored
   512345 states, matched
pan: elapsed time 0.34 seconds
`;

describe('what SPIN says of the model', () => {
  it('is that it holds, where every state was looked at', () => {
    assert.deepEqual(findingsOf(whole), { holds: true, stateCount: 197911, seconds: 0.34, error: '' });
  });

  it('is what it found, also where it stopped there', () => {
    const broken = `pan:1: assertion violated !(decided) (at depth 90)\nWarning: Search not completed\n${whole.replace('errors: 0', 'errors: 1')}`;
    const { holds, error } = findingsOf(broken);
    assert.deepEqual([holds, error], [false, 'assertion violated !(decided) (at depth 90)']);
  });

  it('is nothing, where it did not look at every state', () => {
    for (const printed of ['', 'pan: out of memory', `error: max search depth too small\n${whole}`])
      assert.throws(() => findingsOf(printed), /did not look at every state/);
  });
});

describe('the transition table in Promela', () => {
  it('has each step of the table and no other', () => {
    const promela = promelaOf(transitions);
    const steps = [...promela.matchAll(/from == (\w+) && to == (\w+)/g)].map(
      ([, from, to]) => `${from} ${to}`,
    );
    const expected = Object.entries(transitions).flatMap(([from, next]) =>
      next.map((to) => `${from} ${to}`.replaceAll('-', '_')),
    );
    assert.deepEqual(steps, expected);
    assert.match(promela, /^mtype:state = \{ pending, preflight, .*rolled_back, refused, failed \}$/m);
    assert.match(promela, /IS_FINAL\(state\) \(\(state\) == done \|\| \(state\) == rolled_back/);
  });
});
