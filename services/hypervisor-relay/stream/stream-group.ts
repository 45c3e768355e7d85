/**
 * The connections of one migration that have shown its token, until all of its streams are there.
 *
 *     empty ──HELLO: stream i of n──▶ waiting for the others of n ──all n──▶ complete
 *       └◀────────── all have ended ─────────────┘
 *
 * The first HELLO settles how many streams there are. Invariants: each number has one connection; none has been
 * told WELCOME before all are there, so one that ends earlier has sent nothing and its number is free again.
 */
import { PortkeyError } from '../../../libraries/errors/index.js';
import { noWakeUp } from '../../../libraries/libc/index.js';
import type { MessageSocket } from './message-socket.js';
import type { StreamHello } from './bodies.js';
import { encodeMessage } from './protocol.js';

export interface AdmittedStreams {
  readonly first: MessageSocket;
  readonly others: readonly MessageSocket[];
}

export class StreamGroup {
  private readonly sockets = new Map<number, MessageSocket>();
  private streamCount = 0;

  get isEmpty(): boolean {
    return this.sockets.size === 0;
  }

  get isComplete(): boolean {
    return !this.isEmpty && this.sockets.size === this.streamCount;
  }

  /** Throws `session-unknown` where the group has no place for it. */
  add(socket: MessageSocket, { stream, streamCount }: Pick<StreamHello, 'stream' | 'streamCount'>): void {
    if (this.isEmpty) this.streamCount = streamCount;
    if (streamCount !== this.streamCount) {
      throw new PortkeyError(
        'session-unknown',
        `this landing waits for ${this.streamCount} streams, not for one of ${streamCount}`,
      );
    }
    if (this.sockets.has(stream)) {
      throw new PortkeyError('session-unknown', `this landing has stream ${stream} already`);
    }
    this.sockets.set(stream, socket);
  }

  /** Before WELCOME nothing may come but the end. Never waits. */
  dropEnded(): void {
    const early = new PortkeyError('stream-broken', 'a stream waits for WELCOME before it goes on');
    for (const [stream, socket] of this.sockets) {
      if (!socket.bytes.waitReadable(noWakeUp, 0)) continue;
      socket.turnAway(early);
      this.sockets.delete(stream);
    }
  }

  /** Hands them over: whoever asked closes them. Throws `stream-broken` where one is gone. */
  welcome(): AdmittedStreams {
    const [first, ...others] = this.sockets.values();
    if (first === undefined) throw new PortkeyError('internal', 'a group without streams');
    for (const socket of [first, ...others]) {
      // Until here it had the limit of the listener that it came by, or did not wait at all.
      socket.bytes.setReceiveTimeout(0);
      socket.send(encodeMessage('welcome', 0));
    }
    this.sockets.clear();
    return { first, others };
  }

  turnAway(reason: unknown): void {
    for (const socket of this.sockets.values()) socket.turnAway(reason);
    this.sockets.clear();
  }
}
