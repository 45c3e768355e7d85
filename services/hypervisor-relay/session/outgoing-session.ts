/**
 * The source's part of a migration: a stream to the destination's relay, or into a landing of this one, fed by the
 * guest's SENDs.
 *
 *     connecting ──▶ open ──sendImages──▶ ended
 *          └───────────┴──────┴── any failure, or close ──▶ over, with its error
 *
 * Invariants: every SEND that was handed over ends exactly once, by `onLanded` or by `onFailure`. The guest's RAM
 * stays mapped until the thread that reads it is gone.
 */
import { PortkeyError } from '../../../libraries/errors/index.js';
import type { RunList } from '../../../libraries/hypercall/index.js';
import { openSocketPair, openTcpSocket, WakeUp, type Endpoint } from '../../../libraries/libc/index.js';
import type { GuestRam } from '../ram/guest-ram.js';
import { Counters } from '../stream/counters.js';
import type { Destination, SenderCommand, SenderEvent, SenderStart } from '../stream/sender-messages.js';
import { StreamThread } from '../stream/stream-thread.js';
import type { ThreadPool } from '../stream/thread-pool.js';
import type { LandingSession } from './landing-session.js';
import type { Session, TransferCounts } from './session.js';

export interface LandedBatch {
  readonly bytes: number;
  readonly starvedUs: number;
  readonly queueDepth: number;
}

export interface BatchListener {
  readonly onLanded: (batch: LandedBatch) => void;
  readonly onFailure: (error: PortkeyError) => void;
}

export interface OutgoingOptions {
  readonly vm: string;
  readonly migrationId: string;
  readonly ram: GuestRam;
  readonly target: StreamTarget;
  readonly bytesPerSecond: number;
  readonly threads: ThreadPool;
}

export type StreamTarget =
  | { readonly peer: Endpoint; readonly token: Uint8Array }
  /** It admits this stream. */
  | { readonly landing: LandingSession };

interface Settle<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: PortkeyError) => void;
}

export class OutgoingSession implements Session {
  readonly vm: string;
  readonly migrationId: string;
  private readonly counters = new Counters();
  private readonly wakeUp = new WakeUp();
  private readonly thread: StreamThread<SenderStart, SenderEvent>;
  /** Where the stream goes, if that is in this relay. */
  private readonly landing: LandingSession | undefined;
  private readonly batches = new Map<number, BatchListener>();
  private connecting: Settle<void> | undefined;
  private ending: Settle<{ files: number; bytes: number }> | undefined;
  private failure: PortkeyError | undefined;
  private nextObject = 1;
  private nextTicket = 1;
  private hypercallCount = 0;

  constructor(options: OutgoingOptions) {
    const { vm, migrationId, ram, target, bytesPerSecond } = options;
    this.vm = vm;
    this.migrationId = migrationId;
    const { destination, sockets } = this.open(target);
    this.landing = 'landing' in target ? target.landing : undefined;
    ram.retain();
    const start: SenderStart = {
      destination,
      wakeUpFd: this.wakeUp.fd,
      ram: ram.mapped,
      bytesPerSecond,
      counters: this.counters.shared,
    };
    this.thread = new StreamThread<SenderStart, SenderEvent>({
      pool: options.threads,
      start,
      sockets,
      onEvent: (event) => this.handle(event),
      onOver: (error) => {
        this.wakeUp.close();
        ram.release();
        this.landing?.joinedOver(error);
        this.fail(
          error ?? new PortkeyError('stream-broken', `the stream of migration ${migrationId} is over`),
        );
      },
    });
  }

  /** Resolves when the destination has admitted the stream. Throws `stream-broken` or what it refused with. */
  connected(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.throwIfOver();
      this.connecting = { resolve, reject };
    });
  }

  /** A hypercall that concerned this session. */
  countHypercall(): void {
    this.hypercallCount += 1;
  }

  /** Returns the object's number in the stream. Throws where the stream is over. */
  openObject(name: string): number {
    this.throwIfOver();
    const object = this.nextObject;
    this.nextObject += 1;
    this.post({ type: 'object', object, name });
    return object;
  }

  closeObject(object: number): void {
    if (this.failure === undefined) this.post({ type: 'close', object });
  }

  /** Takes runs that were checked against the RAM map; the listener hears of them once, unless this throws. */
  send(object: number, runs: RunList, listener: BatchListener): void {
    this.throwIfOver();
    const ticket = this.nextTicket;
    this.nextTicket += 1;
    this.batches.set(ticket, listener);
    this.post({ type: 'batch', object, runs: runs.bytes(), ticket });
  }

  /** Sends the files of `folder/below` and ends the stream; resolves when all of it has landed. */
  sendImages(folder: string, below: string): Promise<{ files: number; bytes: number }> {
    return new Promise((resolve, reject) => {
      this.throwIfOver();
      if (this.ending !== undefined) {
        throw new PortkeyError(
          'stream-broken',
          `the images of migration ${this.migrationId} were sent before`,
        );
      }
      this.ending = { resolve, reject };
      this.post({ type: 'images', folder, below });
    });
  }

  transfer(): TransferCounts {
    return {
      pages: this.counters.get('pages'),
      zeroPages: this.counters.get('zeroPages'),
      bytes: this.counters.get('bytes'),
      hypercalls: this.hypercallCount,
      starvedSeconds: this.counters.get('starvedUs') / 1e6,
    };
  }

  /** Ends the stream at once, for this reason. */
  abort(error: PortkeyError): void {
    this.fail(error);
    this.thread.shutDown();
    this.wakeUp.wake();
  }

  async close(): Promise<void> {
    this.abort(new PortkeyError('stream-broken', `the stream of migration ${this.migrationId} was closed`));
    await this.thread.done;
  }

  private open(target: StreamTarget): { destination: Destination; sockets: number[] } {
    if ('landing' in target) {
      const sockets = openSocketPair();
      const stream = {
        end: async (error: PortkeyError): Promise<void> => {
          this.abort(error);
          await this.thread.done;
        },
      };
      return { destination: { type: 'local', endFd: sockets[0], ...target.landing.join(stream) }, sockets };
    }
    const socketFd = openTcpSocket();
    const { migrationId } = this;
    return { destination: { type: 'relay', socketFd, migrationId, ...target }, sockets: [socketFd] };
  }

  private handle(event: SenderEvent): void {
    if (event.type === 'connected') {
      this.connecting?.resolve();
      this.connecting = undefined;
      if (this.failure !== undefined) this.thread.shutDown();
    } else if (event.type === 'landed') {
      const listener = this.batches.get(event.ticket);
      this.batches.delete(event.ticket);
      listener?.onLanded(event);
    } else {
      this.landing?.joinedEnded();
      this.ending?.resolve({ files: event.files, bytes: event.bytes });
    }
  }

  private post(command: SenderCommand): void {
    this.thread.post(command);
    this.wakeUp.wake();
  }

  private fail(error: PortkeyError): void {
    if (this.failure !== undefined) return;
    this.failure = error;
    this.connecting?.reject(error);
    this.ending?.reject(error);
    const listeners = [...this.batches.values()];
    this.batches.clear();
    for (const { onFailure } of listeners) onFailure(error);
  }

  private throwIfOver(): void {
    if (this.failure !== undefined) throw this.failure;
  }
}
