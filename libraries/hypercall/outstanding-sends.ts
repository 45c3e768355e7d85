/**
 * The SENDs of one client that the relay has not answered yet, the credits that bound them, and the objects that
 * they may be for.
 *
 * Invariants: `used` credits = SENDs outstanding + SENDs that hold a credit and are about to be written. A credit
 * comes back when its SEND completes or fails. Waiters get credits in the order in which they asked. A completion
 * covers all SENDs of its object up to its sequence; its feedback goes to the last of them whole, the others
 * get an empty one, so that sums over all SENDs are right. An object counts until its CLOSE, also when it has failed:
 * so does the relay, which closes the whole channel for one too many.
 */
import { PortkeyError } from '../errors/index.js';
import { maxObjects } from './limits.js';

export interface Feedback {
  /** Bytes landed since the previous feedback of this object. */
  readonly bytes: number;
  readonly starvedUs: number;
  readonly queueDepth: number;
  /** SENDs that its COMPLETE answered; 0 where that was a later one's. */
  readonly answered: number;
}

interface Outstanding {
  readonly object: number;
  readonly sequence: number;
  readonly resolve: (feedback: Feedback) => void;
  readonly reject: (error: PortkeyError) => void;
}

interface Waiter {
  readonly object: number;
  readonly resolve: () => void;
  readonly reject: (error: PortkeyError) => void;
}

export class OutstandingSends {
  private readonly sends: Outstanding[] = [];
  private readonly waiters: Waiter[] = [];
  /** Until their CLOSE; with why, those that have failed. */
  private readonly openObjects = new Map<number, PortkeyError | undefined>();
  private credits = 0;
  private used = 0;
  private failure: PortkeyError | undefined;

  grant(credits: number): void {
    this.credits = credits;
    this.wake();
  }

  async acquireCredit(object: number): Promise<void> {
    this.requireOpen(object);
    if (this.used < this.credits && this.waiters.length === 0) {
      this.used += 1;
      return;
    }
    await new Promise<void>((resolve, reject) => this.waiters.push({ object, resolve, reject }));
  }

  returnCredit(): void {
    this.used -= 1;
    this.wake();
  }

  /** The SEND takes over a credit that was acquired. */
  add(object: number, sequence: number): Promise<Feedback> {
    const landed = new Promise<Feedback>((resolve, reject) => {
      this.sends.push({ object, sequence, resolve, reject });
    });
    // Whoever does not look at the result must not bring the process down.
    landed.catch(() => undefined);
    const failure = this.failure ?? this.openObjects.get(object);
    if (failure !== undefined) this.settle((send) => send.object === object, failure);
    return landed;
  }

  complete(object: number, sequence: number, feedback: Omit<Feedback, 'answered'>): void {
    const done = this.remove((send) => send.object === object && send.sequence <= sequence);
    const last = done.pop();
    if (last?.sequence !== sequence) {
      throw new PortkeyError('bad-frame', `COMPLETE for sequence ${sequence}, which was not sent or had one`);
    }
    const { queueDepth } = feedback;
    for (const send of done) send.resolve({ bytes: 0, starvedUs: 0, queueDepth, answered: 0 });
    last.resolve({ ...feedback, answered: done.length + 1 });
    this.wake();
  }

  /** Throws why nothing more can be opened, `no-room` where the relay allows no more objects. */
  requireRoomToOpen(): void {
    if (this.failure !== undefined) throw this.failure;
    if (this.openObjects.size < maxObjects) return;
    throw new PortkeyError(
      'no-room',
      `${maxObjects} objects are open on this VM's hypercall channel, one for each task that is being migrated, ` +
        'and no more are allowed; migrate in criu mode, or again when the other migrations have ended',
    );
  }

  openObject(object: number): void {
    this.openObjects.set(object, undefined);
  }

  /** A SEND after its object's CLOSE would be a bad frame, and cost the whole channel. */
  closeObject(object: number): void {
    this.openObjects.delete(object);
    for (const waiter of take(this.waiters, (entry) => entry.object === object))
      waiter.reject(closed(object));
  }

  failObject(object: number, error: PortkeyError): void {
    if (this.openObjects.has(object)) this.openObjects.set(object, error);
    this.settle((send) => send.object === object, error);
  }

  failAll(error: PortkeyError): void {
    this.failure = error;
    this.settle(() => true, error);
  }

  /** Throws where nothing more may be sent for the object. */
  requireOpen(object: number): void {
    const failure = this.failure ?? this.openObjects.get(object);
    if (failure !== undefined) throw failure;
    if (!this.openObjects.has(object)) throw closed(object);
  }

  private settle(matches: (entry: { object: number }) => boolean, error: PortkeyError): void {
    for (const send of this.remove(matches)) send.reject(error);
    for (const waiter of take(this.waiters, matches)) waiter.reject(error);
    this.wake();
  }

  private remove(matches: (send: Outstanding) => boolean): Outstanding[] {
    const removed = take(this.sends, matches);
    this.used -= removed.length;
    return removed;
  }

  private wake(): void {
    while (this.used < this.credits) {
      const waiter = this.waiters.shift();
      if (waiter === undefined) return;
      this.used += 1;
      waiter.resolve();
    }
  }
}

function closed(object: number): PortkeyError {
  return new PortkeyError('cancelled', `object ${object} was closed`);
}

/** Removes what matches, in order. */
function take<T>(from: T[], matches: (entry: T) => boolean): T[] {
  const taken = from.filter(matches);
  const rest = from.filter((entry) => !matches(entry));
  from.splice(0, from.length, ...rest);
  return taken;
}
