/**
 * The objects of one conversation: what the guest's object numbers mean, and their SENDs in flight.
 *
 *     (unknown) ──OPEN──▶ open ──CLOSE──▶ (unknown)
 *                          └──failure──▶ failed ──CLOSE──▶ (unknown)
 *
 * While an object is *failed*, SENDs for it are dropped: the guest has not read its ERROR yet. One that fails with SENDs
 * in flight after its CLOSE has an ERROR too, since the guest waits for their credits, but nothing is kept of it.
 *
 * An object that has failed and was not closed is not opened again, or an ERROR could be of either.
 *
 * Invariants: what counts against `maxObjects` is what the guest has opened and not closed, which it can count itself.
 * `inFlight` counts the SENDs that were handed to streams and have no outcome yet, objects that failed
 * left out: the guest takes those SENDs as answered by the object's ERROR. What waits for a stream is bounded however
 * long its receiver stalls: no object is opened while `maxBacklog` commands wait, only what is open can be closed, and
 * SENDs are bounded by the guest's credits.
 */
import { PortkeyError } from '../../../libraries/errors/index.js';
import {
  maxObjects,
  maxPagesPerSend,
  wholeChannel,
  type RunList,
} from '../../../libraries/hypercall/index.js';
import type { OutgoingSession } from '../session/outgoing-session.js';
import type { LandedBatch } from '../session/sends-in-flight.js';
import { maxObjectPages } from '../stream/bodies.js';

/**
 * Commands that wait for a stream while an OPEN is still taken. A guest that keeps to the rules stays far below: it has
 * `maxObjects` to open and as many to close when a round begins, and a round ends when its pages have landed.
 */
const maxBacklog = 4 * maxObjects;

export interface SendListener {
  /** `inFlight`: SENDs of the object that are still to land. Not called for an object that has failed. */
  readonly onLanded: (batch: LandedBatch, inFlight: number) => void;
  /** Once for all SENDs of the object that are in flight: one ERROR answers them. */
  readonly onFailure: (error: PortkeyError) => void;
}

/** Of a SEND or, without frames, of a DROP. */
export interface RunsToSend {
  readonly kind: 'send' | 'drop';
  readonly object: number;
  readonly runs: RunList;
}

/** What this needs of a session. */
export type ObjectSession = Pick<
  OutgoingSession,
  'migrationId' | 'backlog' | 'countHypercall' | 'openObject' | 'closeObject' | 'send' | 'abort'
>;

interface Entry {
  readonly object: number;
  readonly session: ObjectSession;
  /** Its number in the stream. */
  readonly streamObject: number;
  inFlight: number;
}

export class ObjectTable {
  private readonly objects = new Map<number, Entry>();
  private readonly failed = new Set<number>();
  /** With SENDs in flight, also after their CLOSE. */
  private readonly busy = new Set<Entry>();

  get inFlight(): number {
    return [...this.busy].reduce((sum, entry) => sum + entry.inFlight, 0);
  }

  /** Throws `bad-frame` where the guest may not open it, and what `sessionOf` and the session throw. */
  open(object: number, name: string, sessionOf: () => ObjectSession): void {
    if (object === wholeChannel) {
      throw new PortkeyError('bad-frame', `object ${object}: an ERROR's number for the whole channel`);
    }
    if (this.objects.has(object) || this.failed.has(object)) {
      throw new PortkeyError('bad-frame', `object ${object} was opened twice without a CLOSE`);
    }
    if (this.objects.size + this.failed.size >= maxObjects) {
      throw new PortkeyError('bad-frame', `more than ${maxObjects} objects`);
    }
    const session = sessionOf();
    requireRoom(object, session);
    session.countHypercall();
    this.objects.set(object, { object, session, streamObject: session.openObject(name), inFlight: 0 });
  }

  /** Throws `bad-frame`, `bad-run`, and what the session throws. SENDs for a failed object are left out. */
  send({ kind, object, runs }: RunsToSend, listener: SendListener): void {
    if (this.failed.has(object)) return;
    const entry = this.objects.get(object);
    if (entry === undefined)
      throw new PortkeyError('bad-frame', `${kind.toUpperCase()} for object ${object}, which is not open`);
    requirePages(kind, runs);
    entry.session.countHypercall();
    entry.session.send(kind, entry.streamObject, runs, {
      onLanded: (batch) => {
        const isOwed = this.busy.has(entry);
        this.settle(entry);
        if (isOwed) listener.onLanded(batch, entry.inFlight);
      },
      onFailure: (error) => {
        const isOwed = this.busy.has(entry);
        this.settle(entry);
        if (!isOwed) return;
        if (this.objects.has(object)) this.fail(object);
        else this.answerAll(object);
        listener.onFailure(error);
      },
    });
    entry.inFlight += 1;
    this.busy.add(entry);
  }

  /** One that is not open is fine: it may have failed meanwhile. */
  close(object: number): void {
    this.failed.delete(object);
    const entry = this.objects.get(object);
    if (entry === undefined) return;
    this.objects.delete(object);
    entry.session.countHypercall();
    entry.session.closeObject(entry.streamObject);
  }

  /** One that is open, or that the guest takes for open because its OPEN was refused. Returns whether this is news. */
  fail(object: number): boolean {
    if (this.failed.has(object)) return false;
    this.answerAll(object);
    this.objects.delete(object);
    this.failed.add(object);
    return true;
  }

  /** The conversation is over: streams that still work on its SENDs must not go on reading this guest's RAM. */
  abandon(reason: PortkeyError): void {
    for (const { session, streamObject } of this.objects.values()) session.closeObject(streamObject);
    this.objects.clear();
    const sessions = new Set([...this.busy].map(({ session }) => session));
    this.busy.clear();
    for (const session of sessions) session.abort(reason);
  }

  /** Also SENDs of an object that was closed and had the same number: the guest cannot tell whose the ERROR is. */
  private answerAll(object: number): void {
    for (const entry of this.busy) if (entry.object === object) this.busy.delete(entry);
  }

  private settle(entry: Entry): void {
    entry.inFlight -= 1;
    if (entry.inFlight === 0) this.busy.delete(entry);
  }
}

function requireRoom(object: number, { backlog, migrationId }: ObjectSession): void {
  if (backlog < maxBacklog) return;
  throw new PortkeyError(
    'bad-frame',
    `OPEN of object ${object} while ${backlog} commands wait for the stream of migration ${migrationId}; ` +
      `${maxBacklog} are allowed: open objects no faster than their pages land`,
  );
}

function requirePages(kind: RunsToSend['kind'], runs: RunList): void {
  if (runs.pageCount > maxPagesPerSend) {
    throw new PortkeyError(
      'bad-run',
      `a ${kind.toUpperCase()} of ${runs.pageCount} pages; ${maxPagesPerSend} are allowed`,
    );
  }
  for (let index = 0; index < runs.length; index += 1) {
    if (runs.page(index) + runs.count(index) > maxObjectPages) {
      throw new PortkeyError(
        'bad-run',
        `page ${runs.page(index)} of an object; ${maxObjectPages} are allowed`,
      );
    }
  }
}
