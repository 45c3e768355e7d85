import assert from 'node:assert/strict';

import fc from 'fast-check';

import { choose, hindranceOf, keeping, type FoundCopy } from './choice.js';

const claimed = (side: 'SIDE_SOURCE' | 'SIDE_DESTINATION') => ({ migrationId: 'm-1', epoch: 1, side });
const source = (state: string): FoundCopy => ({ vm: 'vm-a', state, claim: claimed('SIDE_SOURCE') });
const destination = (state: string): FoundCopy => ({ vm: 'vm-b', state, claim: claimed('SIDE_DESTINATION') });

/** Who may be kept of these. */
const keepable = (...copies: FoundCopy[]): string[] =>
  copies.filter((copy) => hindranceOf(copy, copies) === undefined).map(({ vm }) => vm);

describe('the choice between copies', () => {
  it('is open where both stand still and are whole', () => {
    assert.deepEqual(keepable(source('paused'), destination('restored')), ['vm-a', 'vm-b']);
  });

  it('is none where only one is whole, or one runs', () => {
    assert.deepEqual(keepable(source('running')), ['vm-a']);
    assert.deepEqual(keepable(source('running'), destination('created')), ['vm-a']);
    assert.deepEqual(keepable(source('running'), destination('restored')), ['vm-a']);
    assert.deepEqual(keepable(source('paused'), destination('created')), ['vm-a']);
    assert.deepEqual(keepable(source('paused'), destination('stopped')), ['vm-a']);
    assert.deepEqual(keepable(source('paused'), destination('running')), ['vm-b']);
    assert.deepEqual(keepable(source('stopped'), destination('restored')), ['vm-b']);
    assert.deepEqual(keepable(source('paused'), { ...destination('paused'), claim: null }), ['vm-b']);
    assert.deepEqual(keepable(source('paused'), { ...destination('stopped'), claim: null }), ['vm-a']);
    assert.deepEqual(keepable(source('stopped'), destination('created')), []);
    assert.deepEqual(keepable(source('running'), destination('running')), []);
  });

  it('is refused by the name of what hinders it', () => {
    const copies = [source('paused'), destination('running')];
    assert.throws(() => choose('web', copies, 'vm-a'), {
      code: 'choice-refused',
      message: /'web' on vm-a cannot be kept: the one on vm-b runs, keep that; see: portkey rescue web$/,
    });
    assert.throws(() => choose('web', copies, 'vm-c'), {
      code: 'container-unknown',
      message: /vm-c has no copy of container 'web'; there is one on vm-a, vm-b/,
    });
    assert.equal(choose('web', copies, 'vm-b'), copies[1]);
  });

  it('says what is lost by it', () => {
    const [frozen, ended] = [source('paused'), destination('stopped')];
    assert.equal(
      keeping(frozen, [frozen, ended]),
      'it runs from where it was frozen; what it did on vm-b since is lost; the copy on vm-b is removed',
    );
    const running = destination('running');
    assert.equal(keeping(running, [frozen, running]), 'it goes on; the copy on vm-a is removed');
    const held = { ...destination('paused'), claim: null };
    assert.equal(
      keeping(held, [frozen, held]),
      'it stays paused, which no migration did: whoever did has to resume it; the copy on vm-a is removed',
    );
  });

  it('never lets one be kept beside another that runs', () => {
    const copy = fc.record({
      state: fc.constantFrom('running', 'paused', 'restored', 'created', 'stopped'),
      claim: fc.constantFrom(null, claimed('SIDE_SOURCE'), claimed('SIDE_DESTINATION')),
    });
    fc.assert(
      fc.property(fc.array(copy, { minLength: 1, maxLength: 3 }), (found) => {
        const copies = found.map((each, at) => ({ ...each, vm: `vm-${at}` }));
        for (const kept of copies.filter((each) => hindranceOf(each, copies) === undefined)) {
          assert.ok(!['created', 'stopped'].includes(kept.state));
          assert.ok(copies.every((other) => other === kept || other.state !== 'running'));
        }
      }),
    );
  });
});
