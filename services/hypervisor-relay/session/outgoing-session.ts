/**
 * The source's part of a migration: streams to the destination's relay, or one into a landing of this relay, fed by
 * the guest's SENDs.
 *
 *     connecting ──▶ open ──sendImages──▶ ended
 *          └───────────┴──────┴── any failure, or close ──▶ over, with its error
 *
 * Each SEND is shared out among the streams by its pages (stripes.ts), objects are opened and closed on all of them.
 *
 * Invariants: every SEND that was handed over ends exactly once, by `onLanded` or by `onFailure`; they land in the
 * order in which they were handed over. Limits: takes whatever it is handed; who hands it over looks at `backlog`.
 */
import { PortkeyError } from '../../../libraries/errors/index.js';
import type { RunList } from '../../../libraries/hypercall/index.js';
import {
  openSocketPair,
  openTcpSocket,
  type Endpoint,
  type FolderPlace,
} from '../../../libraries/libc/index.js';
import type { GuestRam } from '../ram/guest-ram.js';
import type { StreamSecurity } from '../stream/byte-socket.js';
import { Counters } from '../stream/counters.js';
import { shareOut } from '../stream/stripes.js';
import type { ThreadPool } from '../stream/thread-pool.js';
import type { LandingSession } from './landing-session.js';
import { openEach } from './open-each.js';
import { closeWay, OutgoingStreams, type ImagesSent, type OutgoingWay } from './outgoing-streams.js';
import { SendsInFlight, type BatchListener } from './sends-in-flight.js';
import type { Session, TransferCounts } from './session.js';

export interface OutgoingOptions {
  readonly vm: string;
  readonly migrationId: string;
  readonly ram: GuestRam;
  readonly target: StreamTarget;
  /** Of all streams together; 0: no limit. */
  readonly bytesPerSecond: number;
  readonly threads: ThreadPool;
}

export type StreamTarget =
  | {
      readonly peer: Endpoint;
      /** Whose relay must be there. */
      readonly host: string;
      readonly security: StreamSecurity;
      readonly token: Uint8Array;
      readonly streamCount: number;
    }
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
  private readonly streams: OutgoingStreams;
  /** Where the stream goes, if that is in this relay. */
  private readonly landing: LandingSession | undefined;
  private readonly sends = new SendsInFlight();
  private connecting: Settle<void> | undefined;
  private ending: Settle<ImagesSent> | undefined;
  private failure: PortkeyError | undefined;
  private nextObject = 1;
  private hypercallCount = 0;

  constructor({ vm, migrationId, ram, target, bytesPerSecond, threads }: OutgoingOptions) {
    this.vm = vm;
    this.migrationId = migrationId;
    this.landing = 'landing' in target ? target.landing : undefined;
    this.streams = new OutgoingStreams({
      ways: this.ways(target),
      ram,
      bytesPerSecond,
      pool: threads,
      counters: this.counters,
      onConnected: () => {
        this.connecting?.resolve();
        this.connecting = undefined;
      },
      onLanded: (event) => this.sends.landed(event.ticket, event),
      onEnded: (sent) => {
        this.landing?.joinedEnded();
        this.ending?.resolve(sent);
      },
      onOver: (error) => {
        this.landing?.joinedOver(error);
        this.fail(
          error ?? new PortkeyError('stream-broken', `the stream of migration ${migrationId} is over`),
        );
      },
    });
  }

  /** Resolves when the destination has admitted all streams. Throws `stream-broken` or what it refused with. */
  connected(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.throwIfOver();
      this.connecting = { resolve, reject };
    });
  }

  /** Opened and closed objects and SENDs that wait for the stream that is furthest behind. */
  get backlog(): number {
    return this.streams.backlog;
  }

  /** A hypercall that concerned this session. */
  countHypercall(): void {
    this.hypercallCount += 1;
  }

  /** Returns the object's number in the streams. Throws where they are over. */
  openObject(name: string): number {
    this.throwIfOver();
    const object = this.nextObject;
    this.nextObject += 1;
    this.streams.postAll({ type: 'object', object, name });
    return object;
  }

  closeObject(object: number): void {
    if (this.failure === undefined) this.streams.postAll({ type: 'close', object });
  }

  /**
   * Takes runs that were checked against the RAM map or, for `drop`, are without frames; the listener hears of them
   * once, unless this throws.
   */
  send(kind: 'send' | 'drop', object: number, runs: RunList, listener: BatchListener): void {
    this.throwIfOver();
    const shares = shareOut(runs, this.streams.count);
    const ticket = this.sends.add(shares.filter((share) => share !== undefined).length, listener);
    shares.forEach((share, stream) => {
      if (share === undefined) return;
      const type = kind === 'send' ? 'batch' : 'drop';
      this.streams.post(stream, { type, object, runs: share.bytes(), ticket });
    });
  }

  /** Sends the files of `folder/below` and ends the streams; resolves when all of it has landed. */
  sendImages(folder: FolderPlace, below: string): Promise<ImagesSent> {
    return new Promise((resolve, reject) => {
      this.throwIfOver();
      if (this.ending !== undefined) {
        throw new PortkeyError(
          'stream-broken',
          `the images of migration ${this.migrationId} were sent before`,
        );
      }
      this.ending = { resolve, reject };
      this.streams.end({ type: 'images', folder, below });
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

  /** Ends the streams at once, for this reason. */
  abort(error: PortkeyError): void {
    this.fail(error);
    this.streams.shutDown();
  }

  async close(): Promise<void> {
    this.abort(new PortkeyError('stream-broken', `the stream of migration ${this.migrationId} was closed`));
    await this.streams.done();
  }

  private ways(target: StreamTarget): OutgoingWay[] {
    if ('landing' in target) {
      const sockets = openSocketPair();
      const stream = {
        end: async (error: PortkeyError): Promise<void> => {
          this.abort(error);
          await this.streams.done();
        },
      };
      return [{ destination: { type: 'local', endFd: sockets[0], ...target.landing.join(stream) }, sockets }];
    }
    const { migrationId } = this;
    return openEach(
      Array(target.streamCount).keys(),
      (stream): OutgoingWay => {
        const socketFd = openTcpSocket();
        return {
          destination: { type: 'relay', socketFd, migrationId, stream, ...target },
          sockets: [socketFd],
        };
      },
      closeWay,
    );
  }

  private fail(error: PortkeyError): void {
    if (this.failure !== undefined) return;
    this.failure = error;
    this.connecting?.reject(error);
    this.ending?.reject(error);
    this.sends.failAll(error);
  }

  private throwIfOver(): void {
    if (this.failure !== undefined) throw this.failure;
  }
}
