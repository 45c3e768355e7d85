import assert from 'node:assert/strict';

import { PortkeyError } from '../../../libraries/errors/index.js';
import { maxObjects, RunList, wholeChannel } from '../../../libraries/hypercall/index.js';
import type { BatchListener } from '../session/sends-in-flight.js';
import { ObjectTable, type ObjectSession, type SendListener } from './object-table.js';

/** SENDs wait in it until the test fails or lands them. */
class HeldSession implements ObjectSession {
  readonly migrationId = 'm1';
  readonly backlog = 0;
  sends: BatchListener[] = [];
  private objects = 0;

  openObject(): number {
    this.objects += 1;
    return this.objects;
  }

  send(_kind: 'send' | 'drop', _object: number, _runs: RunList, listener: BatchListener): void {
    this.sends.push(listener);
  }

  failAll(): void {
    for (const { onFailure } of this.sends.splice(0)) onFailure(broken);
  }

  countHypercall(): void {
    return undefined;
  }

  closeObject(): void {
    return undefined;
  }

  abort(): void {
    return undefined;
  }
}

const broken = new PortkeyError('stream-broken', 'the stream broke');

/** Counts the answers that its guest would have. */
class Answers implements SendListener {
  landed = 0;
  errors = 0;
  readonly onLanded = (): void => void (this.landed += 1);
  readonly onFailure = (): void => void (this.errors += 1);
}

function onePage(): RunList {
  const runs = new RunList();
  runs.push(5, 1, 9);
  return runs;
}

describe('the objects of a conversation', () => {
  let table = new ObjectTable();
  let session = new HeldSession();
  let answers = new Answers();

  const open = (object: number): void => table.open(object, `memory/pages-${object}.img`, () => session);
  const send = (object: number): void => table.send({ kind: 'send', object, runs: onePage() }, answers);

  beforeEach(() => {
    table = new ObjectTable();
    session = new HeldSession();
    answers = new Answers();
  });

  it('are forgotten when they fail after their CLOSE, with one ERROR for all their SENDs', () => {
    for (let object = 1; object <= 2 * maxObjects; object += 1) {
      open(object);
      send(object);
      send(object);
      table.close(object);
      assert.equal(table.inFlight, 2);
      session.failAll();
      assert.deepEqual([answers.errors, table.inFlight], [object, 0]);
    }
  });

  it('count until their CLOSE when they have failed, and take SENDs that the guest sent before it knew', () => {
    for (let object = 1; object <= maxObjects; object += 1) open(object);
    send(1);
    send(1);
    session.failAll();
    assert.equal(answers.errors, 1);
    assert.equal(table.fail(1), false, 'that is no news');
    send(1);
    assert.equal(session.sends.length, 0);
    assert.throws(() => open(maxObjects + 1), { code: 'bad-frame' });
    table.close(1);
    open(maxObjects + 1);
  });

  it('are not opened again before their CLOSE when they have failed: nobody could tell whose an ERROR is', () => {
    open(1);
    send(1);
    session.failAll();
    assert.throws(() => open(1), { code: 'bad-frame', message: /opened twice/ });
    table.close(1);
    open(1);
    send(1);
    assert.equal(table.inFlight, 1);
  });

  it('do not have the number that stands for the whole channel', () => {
    assert.throws(() => open(wholeChannel), { code: 'bad-frame', message: /whole channel/ });
  });

  it('have no second ERROR for what was in flight when they failed, also when they are closed meanwhile', () => {
    open(1);
    send(1);
    send(1);
    const [first, second] = session.sends;
    first?.onFailure(broken);
    table.close(1);
    second?.onFailure(broken);
    assert.equal(answers.errors, 1);
    open(2);
    send(2);
    assert.equal(table.inFlight, 1);
  });

  it('have their SENDs land after their CLOSE', () => {
    open(1);
    send(1);
    table.close(1);
    session.sends[0]?.onLanded({ bytes: 4096, starvedUs: 0, queueDepth: 0 });
    assert.deepEqual([answers.landed, answers.errors, table.inFlight], [1, 0, 0]);
    assert.throws(() => send(1), { code: 'bad-frame' });
  });

  it('fail together with one that was closed and had their number, since the ERROR names no other', () => {
    open(1);
    send(1);
    table.close(1);
    open(1);
    send(1);
    session.failAll();
    assert.deepEqual([answers.errors, table.inFlight], [1, 0]);
    send(1);
    assert.equal(session.sends.length, 0);
  });
});
