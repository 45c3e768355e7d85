/**
 * The threads that receive one migration's streams: the first admits all of them, each of the others gets one.
 *
 *     admitting ──all streams there──▶ landing, a thread each ──END on all──▶ sealed
 *         └────────────────────────────┴── any failure, or shutDown ──▶ over, all of them
 *
 * Invariants: the landing is sealed when every stream is, and not before; the first failure ends all streams, and
 * is the one that is told; every connection that was admitted gets a thread, which frees what it has, also where that is all
 * that is left to do.
 */
import { PortkeyError } from '../../../libraries/errors/index.js';
import type { FolderPlace } from '../../../libraries/libc/index.js';
import type { HandedSocket, StreamSecurity } from '../stream/byte-socket.js';
import type { LandingPort, ReceiverEvent, ReceiverStart } from '../stream/receiver-messages.js';
import { StreamThread } from '../stream/stream-thread.js';
import type { ThreadPool } from '../stream/thread-pool.js';
import { WriteTurns } from '../stream/write-turns.js';

export interface LandingStreamsOptions {
  readonly pool: ThreadPool;
  readonly port: LandingPort;
  readonly security: StreamSecurity;
  readonly folder: FolderPlace;
  readonly quota: SharedArrayBuffer;
  readonly counters: SharedArrayBuffer;
  readonly onAdmitted: () => void;
  readonly onTurnedAway: (reason: PortkeyError) => void;
  readonly onSealed: () => void;
  readonly onFailure: (error: PortkeyError) => void;
}

type ReceiverThread = StreamThread<ReceiverStart, ReceiverEvent>;

export class LandingStreams {
  private readonly threads: ReceiverThread[] = [];
  private readonly writeTurns = new WriteTurns().shared;
  private streamCount = 1;
  private sealedCount = 0;
  private isShutDown = false;

  constructor(private readonly options: LandingStreamsOptions) {
    const { port } = options;
    this.start(port, port.listenerFd);
  }

  /** Resolves when all threads are gone. */
  async done(): Promise<void> {
    // More of them may come until the first is gone.
    for (const thread of this.threads) await thread.done;
  }

  /** Ends the threads' waits. Idempotent. */
  shutDown(): void {
    this.isShutDown = true;
    for (const thread of this.threads) thread.shutDown();
  }

  private start(way: ReceiverStart['way'], socketFd: number): void {
    const { pool, folder, quota, counters, security } = this.options;
    const thread: ReceiverThread = new StreamThread<ReceiverStart, ReceiverEvent>({
      pool,
      start: { way, security, folder, quota, counters, writeTurns: this.writeTurns },
      sockets: [socketFd],
      onEvent: (event) => {
        if (event.type === 'sealed') this.sealed();
        else if (event.type === 'admitted') this.admitted(thread, event.own, event.others);
        else this.options.onTurnedAway(new PortkeyError(event.code, event.message));
      },
      onOver: (error) => {
        if (error === undefined) return;
        this.options.onFailure(error);
        this.shutDown();
      },
    });
    this.threads.push(thread);
  }

  private admitted(first: ReceiverThread, own: number, others: readonly HandedSocket[]): void {
    this.streamCount += others.length;
    first.adopt(own);
    for (const socket of others) this.start({ socket }, socket.fd);
    if (this.isShutDown) this.shutDown();
    this.options.onAdmitted();
  }

  private sealed(): void {
    this.sealedCount += 1;
    if (this.sealedCount === this.streamCount) this.options.onSealed();
  }
}
