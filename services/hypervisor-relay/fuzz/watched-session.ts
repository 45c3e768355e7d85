/**
 * A session that a conversation hands its SENDs to, which watches what it is handed: a STAND-IN for the streams, which lands
 * or fails SENDs when the case says so.
 */
import assert from 'node:assert/strict';

import { PortkeyError } from '../../../libraries/errors/index.js';
import { maxPagesPerSend, sendCredits, type RunList } from '../../../libraries/hypercall/index.js';
import { PAGE_BYTES } from '../../../libraries/units/index.js';
import type { ObjectSession } from '../channel/object-table.js';
import type { RamSection } from '../ram/ram-map.js';
import type { BatchListener } from '../session/sends-in-flight.js';
import { maxObjectPages } from '../stream/bodies.js';

export class WatchedSession implements ObjectSession {
  readonly migrationId = 'm-1';
  /** The port is closed: nothing may come any more. */
  isClosed = false;
  private readonly open = new Set<number>();
  private readonly sends: BatchListener[] = [];
  private failure: PortkeyError | undefined;
  private nextObject = 1;
  private commands = 0;

  constructor(private readonly sections: readonly RamSection[]) {}

  /** All commands wait, as behind a receiver that stalls. */
  get backlog(): number {
    return this.commands;
  }

  get inFlight(): number {
    return this.sends.length;
  }

  countHypercall(): void {
    return undefined;
  }

  openObject(name: string): number {
    this.requireAllowed();
    assert.ok(Buffer.byteLength(name) <= 255);
    if (this.failure !== undefined) throw this.failure;
    this.commands += 1;
    this.open.add(this.nextObject);
    this.nextObject += 1;
    return this.nextObject - 1;
  }

  closeObject(object: number): void {
    this.commands += 1;
    assert.ok(this.open.delete(object), `object ${object} is closed, but was not open`);
  }

  send(kind: 'send' | 'drop', object: number, runs: RunList, listener: BatchListener): void {
    this.requireAllowed();
    assert.ok(this.open.has(object), `a ${kind} for object ${object}, which is not open`);
    if (this.failure !== undefined) throw this.failure;
    assert.ok(
      runs.length > 0 && runs.pageCount <= maxPagesPerSend,
      `${runs.length} runs of ${runs.pageCount} pages`,
    );
    for (let index = 0; index < runs.length; index += 1) {
      const [pfn, count, page] = [runs.pfn(index), runs.count(index), runs.page(index)];
      assert.ok(count > 0 && page + count <= maxObjectPages, `page ${page} of ${count} is beyond an object`);
      if (kind === 'send') this.requireRam(pfn, count);
      else assert.equal(pfn, 0);
    }
    this.sends.push(listener);
    assert.ok(this.sends.length <= sendCredits, `${this.sends.length} SENDs in flight`);
  }

  /** The oldest SEND has landed; false where there is none. */
  land(): boolean {
    const listener = this.sends.shift();
    listener?.onLanded({ bytes: PAGE_BYTES, starvedUs: 1, queueDepth: this.sends.length });
    this.commands = 0;
    return listener !== undefined;
  }

  abort(reason: PortkeyError): void {
    this.failure ??= reason;
    for (const { onFailure } of this.sends.splice(0)) onFailure(reason);
  }

  /** The stream broke; another one takes what comes after that. */
  restart(): void {
    this.abort(new PortkeyError('stream-broken', 'the stream broke'));
    this.failure = undefined;
  }

  private requireAllowed(): void {
    assert.ok(!this.isClosed, 'something came after the port was closed');
  }

  private requireRam(pfn: number, count: number): void {
    for (const page of [pfn, pfn + count - 1]) {
      const address = page * PAGE_BYTES;
      const isRam = this.sections.some(
        ({ guestAddress, byteLength }) =>
          address >= guestAddress && address + PAGE_BYTES <= guestAddress + byteLength,
      );
      assert.ok(isRam, `frame ${page} is not RAM`);
    }
    // Between two sections there is a hole, so a run whose ends are in two of them is not all RAM.
    const holding = this.sections.filter(
      ({ guestAddress, byteLength }) =>
        pfn * PAGE_BYTES < guestAddress + byteLength && (pfn + count) * PAGE_BYTES > guestAddress,
    );
    assert.equal(holding.length, 1, `frames ${pfn} to ${pfn + count} are of ${holding.length} sections`);
  }
}
