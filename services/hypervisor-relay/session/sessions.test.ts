import assert from 'node:assert/strict';

import type { LandingSession } from './landing-session.js';
import { Sessions } from './sessions.js';

describe('the sessions of a relay', () => {
  const closed: string[] = [];
  const session = (name: string, migrationId = 'm-1'): LandingSession => {
    const transfer = (): object => ({ pages: 0, zeroPages: 0, bytes: 0 });
    const close = (): Promise<void> => Promise.resolve(void closed.push(name));
    return { migrationId, transfer, close } as unknown as LandingSession;
  };

  it('have none for a migration that has ended, whether or not it had one', async () => {
    const sessions = new Sessions('this start');
    sessions.add('vm-a', 'm-1', () => session('first'));
    await sessions.end('vm-a', 'm-1');
    await sessions.end('vm-b', 'm-1');
    assert.deepEqual(closed, ['first']);
    for (const vm of ['vm-a', 'vm-b'])
      assert.throws(() => sessions.add(vm, 'm-1', () => session('late')), { code: 'stale-epoch' });
    sessions.add('vm-a', 'm-2', () => session('other'));
    assert.equal(sessions.count, 1);
  });

  it("are another VM's where this one has no part in the migration", async () => {
    const sessions = new Sessions('this start');
    assert.equal(sessions.hasOthers('vm-a'), false);
    sessions.add('vm-a', 'm-1', () => session('source'));
    sessions.add('vm-b', 'm-1', () => session('destination'));
    assert.deepEqual(
      ['vm-a', 'vm-b', 'vm-c'].map((vm) => sessions.hasOthers(vm)),
      [false, false, true],
    );
    await sessions.end('vm-a', 'm-1');
    assert.equal(sessions.hasOthers('vm-a'), true);
  });

  it('may be opened again where one could not be opened, and remember no more than the latest that ended', async () => {
    const sessions = new Sessions('this start');
    sessions.add('vm-a', 'm-1', () => session('failed'));
    await sessions.close('vm-a', 'm-1');
    sessions.requireNone('vm-a', 'm-1');
    for (let index = 1; index <= 1_001; index += 1) await sessions.end('vm-a', `m-${index}`);
    sessions.requireNone('vm-a', 'm-1');
    assert.throws(() => sessions.requireNone('vm-a', 'm-2'), { code: 'stale-epoch' });
  });
});
