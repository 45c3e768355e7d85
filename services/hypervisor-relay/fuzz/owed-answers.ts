/**
 * What a guest is owed: one answer for each SEND and DROP, no more and no less. Its own bookkeeping, made of what it has
 * written and heard, and of docs/hypercalls.md.
 *
 * A COMPLETE answers the SENDs of its object up to its sequence, an object's ERROR all of the object's, and the end of the
 * conversation whatever is left. What is sent for an object that has failed and is not closed was answered before.
 */
import assert from 'node:assert/strict';

import { wholeChannel, type HostMessage } from '../../../libraries/hypercall/index.js';

export class OwedAnswers {
  /** Its HELLO was answered: what it sends counts. */
  private isReady = false;
  private readonly objectOf = new Map<number, number>();
  private readonly open = new Set<number>();
  private readonly failed = new Set<number>();

  /** It has said HELLO or BYE, or its port is closed: nothing is owed for what came before. */
  over(): void {
    this.isReady = false;
    this.objectOf.clear();
    this.open.clear();
    this.failed.clear();
  }

  opened(object: number): void {
    if (this.isReady) this.open.add(object);
  }

  closed(object: number): void {
    this.open.delete(object);
    this.failed.delete(object);
  }

  sent(object: number, sequence: number): void {
    if (this.isReady && !this.failed.has(object)) this.objectOf.set(sequence, object);
  }

  heard(message: HostMessage): void {
    if (message.type === 'hello-ok') this.isReady = true;
    else if (message.type === 'complete') this.complete(message.object, message.sequence);
    else if (message.object === wholeChannel) this.over();
    else this.fail(message.object);
  }

  /** All that was sent has landed or failed. */
  requireNone(): void {
    assert.deepEqual([...this.objectOf], [], 'SENDs were not answered');
  }

  private complete(object: number, sequence: number): void {
    const named = this.objectOf.get(sequence);
    assert.equal(named, object, `COMPLETE of ${sequence} for object ${object}, which was not owed`);
    this.answer(object, sequence);
  }

  private fail(object: number): void {
    const isNews = this.open.has(object) && !this.failed.has(object);
    assert.ok(this.answer(object, Infinity) > 0 || isNews, `ERROR of object ${object} answers nothing`);
    if (this.open.has(object)) this.failed.add(object);
  }

  private answer(object: number, upTo: number): number {
    const answered = [...this.objectOf].filter(([sequence, of]) => of === object && sequence <= upTo);
    for (const [sequence] of answered) this.objectOf.delete(sequence);
    return answered.length;
  }
}
