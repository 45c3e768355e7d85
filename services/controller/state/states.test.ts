import assert from 'node:assert/strict';

import {
  type MigrationState,
  allStates,
  finalStates,
  initialState,
  isFinal,
  mayFollow,
  statesBefore,
  transitions,
} from './states.js';

describe('the states of a migration', () => {
  it('are all reached from the first, and all lead to an end', () => {
    const reached = new Set([initialState]);
    for (const state of reached) for (const next of transitions[state]) reached.add(next);
    assert.deepEqual([...reached].sort(), [...allStates].sort());
    assert.deepEqual(finalStates.sort(), ['done', 'failed', 'refused', 'rolled-back']);
  });

  it('never lead from one decision to the other', () => {
    const after = (state: MigrationState): Set<MigrationState> => {
      const reached = new Set([state]);
      for (const from of reached) for (const next of transitions[from]) reached.add(next);
      return reached;
    };
    for (const state of after('committed')) assert.ok(!after('aborted').has(state) || isFinal(state));
    assert.deepEqual([...after('activated')], ['activated', 'done', 'failed']);
    assert.deepEqual([...after('reverted')], ['reverted', 'rolled-back', 'failed']);
    assert.deepEqual([...after('aborted')], ['aborted', 'rolled-back', 'failed']);
  });

  it('can be aborted until the commit, and refused only while nothing has been touched', () => {
    const undecided = allStates.filter((state) => mayFollow(state, 'aborted'));
    assert.deepEqual(undecided, [
      ...['pending', 'preflight', 'precopy', 'frozen', 'dumped', 'landed', 'restored'],
    ]);
    assert.deepEqual(statesBefore('refused'), ['pending', 'preflight']);
    assert.deepEqual(statesBefore('committed'), ['restored']);
  });
});
