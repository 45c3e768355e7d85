/**
 * The destination's part of a migration: a listener that admits one stream, and the folder that it lands in.
 *
 *     waiting ──stream admitted──▶ landing ──END──▶ sealed
 *         └─────────────────────────┴── failure, or close ──▶ over, with its error
 *
 * Whoever waits for the seal hears of it, or of the failure, also if it came before the question.
 */
import { randomBytes } from 'node:crypto';

import { PortkeyError } from '../../../libraries/errors/index.js';
import { listenTcp } from '../../../libraries/libc/index.js';
import { Counters } from '../stream/counters.js';
import { tokenBytes } from '../stream/protocol.js';
import type { ReceiverEvent, ReceiverStart } from '../stream/receiver-messages.js';
import { StreamThread } from '../stream/stream-thread.js';
import type { ThreadPool } from '../stream/thread-pool.js';
import type { Session, TransferCounts } from './session.js';

export interface LandingOptions {
  readonly vm: string;
  readonly migrationId: string;
  /** On the hosts' network. */
  readonly address: string;
  /** Exists and is this migration's alone. */
  readonly folder: string;
  readonly threads: ThreadPool;
}

export class LandingSession implements Session {
  readonly vm: string;
  readonly migrationId: string;
  readonly port: number;
  readonly token = randomBytes(tokenBytes);
  private readonly counters = new Counters();
  private readonly thread: StreamThread<ReceiverStart, ReceiverEvent>;
  private readonly seal: Promise<void>;
  private settle: { resolve: () => void; reject: (error: PortkeyError) => void } | undefined;

  constructor({ vm, migrationId, address, folder, threads }: LandingOptions) {
    this.vm = vm;
    this.migrationId = migrationId;
    const { fd, port } = listenTcp(address);
    this.port = port;
    this.seal = new Promise((resolve, reject) => (this.settle = { resolve, reject }));
    // The failure may come long before anyone waits for the seal.
    this.seal.catch(() => undefined);
    const start: ReceiverStart = {
      listenerFd: fd,
      token: this.token,
      migrationId,
      folder,
      counters: this.counters.shared,
    };
    this.thread = new StreamThread<ReceiverStart, ReceiverEvent>({
      pool: threads,
      start,
      sockets: [fd],
      onEvent: (event) => this.handle(event),
      onOver: (error) => this.fail(error ?? new PortkeyError('stream-broken', 'the landing is over')),
    });
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
    this.fail(new PortkeyError('cancelled', `the landing of migration ${this.migrationId} was closed`));
    this.thread.shutDown();
    await this.thread.done;
  }

  private handle(event: ReceiverEvent): void {
    if (event.type === 'accepted') this.thread.adopt(event.fd);
    else this.settle?.resolve();
  }

  /** After the seal this changes nothing: a promise settles once. */
  private fail(error: PortkeyError): void {
    this.settle?.reject(error);
  }
}
