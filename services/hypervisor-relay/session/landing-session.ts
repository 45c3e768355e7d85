/**
 * The destination's part of a migration: a listener that admits its streams, and the folder that they land in.
 *
 *     waiting ──streams admitted──▶ landing ──END on each──▶ sealed
 *         └──────────────────────────┴── failure, or close ──▶ over, with its error
 *
 * A stream of the same relay, from a VM on this host to another, *joins* instead: nobody is admitted by the port any
 * more, that stream's thread writes into the folder and its end is this one's.
 *
 * Whoever waits for the seal hears of it, or of the failure, also if it came before the question.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto';

import { PortkeyError } from '../../../libraries/errors/index.js';
import { listenTcp, type Endpoint, type FolderPlace } from '../../../libraries/libc/index.js';
import type { StreamSecurity } from '../stream/byte-socket.js';
import { Counters } from '../stream/counters.js';
import { tokenBytes } from '../stream/bodies.js';
import { landingLimitBytes, landingQuota } from '../stream/landing-quota.js';
import type { ThreadPool } from '../stream/thread-pool.js';
import { LandingStreams } from './landing-streams.js';
import type { Session, TransferCounts } from './session.js';

export interface LandingOptions {
  readonly vm: string;
  readonly migrationId: string;
  /** On the hosts' network. */
  readonly address: string;
  /** Whose relay its streams come from. */
  readonly sourceHost: string;
  readonly security: StreamSecurity;
  /** A connection was none of them. */
  readonly onTurnedAway: (reason: PortkeyError) => void;
  /** Exists and is this migration's alone. */
  readonly folder: FolderPlace;
  /** What is to come, about: see landing-quota.ts. */
  readonly expectedBytes: number;
  readonly threads: ThreadPool;
}

/** A stream of this relay that has joined a landing of it. */
export interface JoinedStream {
  /** Resolves when nothing of it writes any more. */
  end(error: PortkeyError): Promise<void>;
}

/** Where it lands. */
export interface JoinedLanding {
  readonly folder: FolderPlace;
  readonly quota: SharedArrayBuffer;
  readonly counters: SharedArrayBuffer;
}

export class LandingSession implements Session {
  readonly vm: string;
  readonly migrationId: string;
  readonly port: number;
  readonly token = randomBytes(tokenBytes);
  private readonly counters = new Counters();
  private readonly streams: LandingStreams;
  private readonly seal: Promise<void>;
  private readonly address: string;
  private readonly folder: FolderPlace;
  private readonly quota: SharedArrayBuffer;
  private isTaken = false;
  private joined: JoinedStream | undefined;
  private settle: { resolve: () => void; reject: (error: PortkeyError) => void } | undefined;

  constructor(options: LandingOptions) {
    const { vm, migrationId, address, folder, expectedBytes, threads, sourceHost, ...rest } = options;
    this.vm = vm;
    this.migrationId = migrationId;
    this.address = address;
    this.folder = folder;
    this.quota = landingQuota(landingLimitBytes(expectedBytes));
    const { fd, port } = listenTcp(address);
    this.port = port;
    this.seal = new Promise((resolve, reject) => (this.settle = { resolve, reject }));
    // The failure may come long before anyone waits for the seal.
    this.seal.catch(() => undefined);
    this.streams = new LandingStreams({
      pool: threads,
      port: { listenerFd: fd, token: this.token, migrationId, sourceHost },
      ...rest,
      folder,
      quota: this.quota,
      counters: this.counters.shared,
      onAdmitted: () => (this.isTaken = true),
      onSealed: () => this.settle?.resolve(),
      onFailure: (error) => {
        if (this.joined === undefined) this.fail(error);
      },
    });
  }

  /** Whether it is this landing that a stream is to go to, and may. */
  admits(migrationId: string, peer: Endpoint, token: Uint8Array): boolean {
    if (this.isTaken || migrationId !== this.migrationId) return false;
    if (peer.address !== this.address || peer.port !== this.port) return false;
    return token.length === this.token.length && timingSafeEqual(token, this.token);
  }

  /** For the one stream that it admits. That reports by `joinedEnded` and `joinedOver`. */
  join(stream: JoinedStream): JoinedLanding {
    this.isTaken = true;
    this.joined = stream;
    this.streams.shutDown();
    return { folder: this.folder, quota: this.quota, counters: this.counters.shared };
  }

  /** All of the joined stream has landed. */
  joinedEnded(): void {
    this.settle?.resolve();
  }

  joinedOver(error: PortkeyError | undefined): void {
    this.fail(error ?? new PortkeyError('stream-broken', 'the landing is over'));
  }

  /** Resolves when everything has landed and no more may come. Throws `stream-broken`, `no-room`. */
  sealed(): Promise<void> {
    return this.seal;
  }

  transfer(): TransferCounts {
    return {
      pages: this.counters.get('pages'),
      zeroPages: this.counters.get('zeroPages'),
      bytes: this.counters.get('bytes'),
      hypercalls: 0,
      starvedSeconds: 0,
    };
  }

  async close(): Promise<void> {
    const error = new PortkeyError('cancelled', `the landing of migration ${this.migrationId} was closed`);
    this.fail(error);
    this.streams.shutDown();
    await this.joined?.end(new PortkeyError('stream-broken', error.message));
    await this.streams.done();
  }

  /** After the seal this changes nothing: a promise settles once. */
  private fail(error: PortkeyError): void {
    this.settle?.reject(error);
  }
}
