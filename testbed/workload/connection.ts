/**
 * One TCP connection to a Redis, for its whole life.
 *
 * Goal: evidence. There is no reconnect: once the connection is broken it stays so, with the reason, and every
 * command that waits or comes later fails. Replies are matched to commands strictly in order; a reply that nobody
 * waits for, or bytes that are no reply, break the connection too.
 *
 * It measures the longest wait: for each measured command the time from handing it to the kernel to its reply, and
 * for the oldest one without a reply the time it has waited so far. A stall of this process counts as well.
 */
import { connect, type Socket } from 'node:net';

import { PortkeyError } from '../../libraries/errors/index.js';
import type { Clock } from '../../libraries/process/index.js';
import { encodeCommand, ReplyParser, type Reply } from './resp.js';

interface Waiting {
  readonly sentMs: number;
  readonly measured: boolean;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: PortkeyError) => void;
}

export class RedisConnection {
  private readonly parser = new ReplyParser();
  private readonly queue: Waiting[] = [];
  private reason: PortkeyError | undefined;
  private longestMs = 0;
  private replyCount = 0;

  private constructor(
    private readonly socket: Socket,
    private readonly clock: Clock,
    readonly peer: string,
    readonly localAddress: string,
  ) {
    socket.on('data', (chunk) => this.receive(chunk));
    socket.on('error', (error) => this.break(error.message));
    socket.on('close', () => this.break('closed by the other side'));
  }

  /** Throws `service-unavailable` if nothing accepts the connection within `timeoutMs`. */
  static open(host: string, port: number, clock: Clock, timeoutMs: number): Promise<RedisConnection> {
    const peer = `${host}:${port}`;
    return new Promise((resolve, reject) => {
      const socket = connect({ host, port, noDelay: true });
      const fail = (why: string): void => {
        socket.destroy();
        reject(new PortkeyError('service-unavailable', `no connection to Redis at ${peer}: ${why}`));
      };
      const onError = (error: Error): void => fail(error.message);
      const timer = setTimeout(() => fail('no answer'), timeoutMs);
      socket.once('error', onError);
      socket.once('connect', () => {
        clearTimeout(timer);
        socket.off('error', onError);
        resolve(
          new RedisConnection(socket, clock, peer, `${socket.localAddress ?? '?'}:${socket.localPort ?? 0}`),
        );
      });
      socket.once('close', () => clearTimeout(timer));
    });
  }

  /** Why the connection is of no use any more; undefined while it holds. */
  get broken(): PortkeyError | undefined {
    return this.reason;
  }

  get waiting(): number {
    return this.queue.length;
  }

  get replies(): number {
    return this.replyCount;
  }

  /** Sends one command. Rejects with `stream-broken` if the connection breaks before its reply. */
  send(parts: readonly (string | Buffer)[], measured: boolean): Promise<Reply> {
    return new Promise((resolve, reject) => {
      if (this.reason !== undefined) {
        reject(this.reason);
        return;
      }
      this.queue.push({ sentMs: this.clock.monotonicMs(), measured, resolve, reject });
      this.socket.write(encodeCommand(parts));
    });
  }

  /** Seconds; the wait of the oldest measured command that is still without a reply included. */
  longestWaitSeconds(): number {
    const oldest = this.queue.find((entry) => entry.measured);
    const soFarMs = oldest === undefined ? 0 : this.clock.monotonicMs() - oldest.sentMs;
    return Math.max(this.longestMs, soFarMs) / 1000;
  }

  resetLongestWait(): void {
    this.longestMs = 0;
  }

  close(): void {
    this.break('closed here');
  }

  private receive(chunk: Buffer): void {
    if (this.reason !== undefined) return;
    try {
      for (const reply of this.parser.push(chunk)) this.deliver(reply);
    } catch (error) {
      this.break(error instanceof Error ? error.message : String(error));
    }
  }

  private deliver(reply: Reply): void {
    const entry = this.queue.shift();
    if (entry === undefined)
      throw new PortkeyError('stream-broken', 'a reply came that no command waits for');
    this.replyCount += 1;
    if (entry.measured) this.longestMs = Math.max(this.longestMs, this.clock.monotonicMs() - entry.sentMs);
    entry.resolve(reply);
  }

  private break(why: string): void {
    if (this.reason !== undefined) return;
    // The longest wait must not go on growing after the connection has gone.
    this.longestMs = this.longestWaitSeconds() * 1000;
    const reason = new PortkeyError('stream-broken', `the connection to Redis at ${this.peer} broke: ${why}`);
    this.reason = reason;
    this.socket.destroy();
    for (const entry of this.queue.splice(0)) entry.reject(reason);
  }
}
