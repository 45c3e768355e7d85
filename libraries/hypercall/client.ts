/**
 * The guest's side of a hypercall port.
 *
 * States: *new* → `hello` → *ready* → `close` or an error → *over*; a client is never used again, the agent opens
 * the port anew. In *ready*, `open` names an object, `send` hands runs over, `closeObject` ends it. Every frame
 * written is one hypercall and counted.
 *
 * Invariants: never more SENDs without their answer than the relay granted (credits); `send` waits for a credit,
 * and waiters are served in order. Each SEND ends exactly once: its pages have landed at the destination, or its
 * object or the whole channel failed. Nothing here retries.
 *
 * Limits: an object's failure leaves the other objects alone; an object number is not used again.
 */
import { setTimeout } from 'node:timers/promises';

import { PortkeyError } from '../errors/index.js';
import { systemClock, type Clock } from '../process/index.js';
import { FrameReader } from './frame-reader.js';
import { FrameWriter, type EncodedFrame } from './frame-writer.js';
import { wholeChannel } from './limits.js';
import type { Complete, Drop, ErrorMessage, Hello, Message, Send } from './messages.js';
import { OutstandingSends, type Feedback } from './outstanding-sends.js';
import type { RunList } from './run-list.js';

/** A relay that does not read must not keep its guest from closing. */
const byeGraceMs = 500;
/** Of so many hypercalls the shortest says what one costs: the others had to wait for something. */
const costSamples = 8;

/** A port's bytes, both ways. The owner of the file descriptor implements it. */
export interface ByteChannel {
  /** Resolves when the bytes have been handed to the device; one call is one kick. */
  write(bytes: Buffer): Promise<void>;
  /** Called once, before anything is written. `onEnd` comes at most once, with the reason if there is one. */
  listen(onData: (bytes: Buffer) => void, onEnd: (reason?: Error) => void): void;
  close(): Promise<void>;
}

export interface Grant {
  readonly maxFrameBytes: number;
  readonly credits: number;
}

export interface SentRuns {
  /** Settles when the SEND's pages have landed, or fails as its object or channel does. */
  readonly landed: Promise<Feedback>;
}

export class HypercallClient {
  private readonly reader = new FrameReader();
  private readonly writer = new FrameWriter();
  private readonly outstanding = new OutstandingSends();
  private writing: Promise<void> = Promise.resolve();
  private nextObject = 1;
  private failure: PortkeyError | undefined;
  private readonly writeSeconds: number[] = [];
  private greeting:
    { nonce: Buffer; resolve: (grant: Grant) => void; reject: (error: PortkeyError) => void } | undefined;

  constructor(
    private readonly channel: ByteChannel,
    /** Called once when the client is over without `close`. */
    private readonly onFailure: (error: PortkeyError) => void = () => undefined,
    private readonly clock: Pick<Clock, 'monotonicMs'> = systemClock,
  ) {
    channel.listen(
      (bytes) => this.receive(bytes),
      (reason) =>
        this.fail(
          new PortkeyError(
            'channel-closed',
            `the hypercall channel was closed: ${reason?.message ?? 'is the hypervisor relay running?'}`,
          ),
        ),
    );
  }

  /** Frames written so far: each was one hypercall. */
  get hypercalls(): number {
    return this.writer.frames;
  }

  /** What a hypercall has lately cost this guest; 0 before the first. */
  get hypercallSeconds(): number {
    return this.writeSeconds.length === 0 ? 0 : Math.min(...this.writeSeconds);
  }

  /** Why the client is over; undefined while it is not. */
  get error(): PortkeyError | undefined {
    return this.failure;
  }

  /**
   * Greets the relay and waits until it has found the nonce. Throws what the relay answers (`nonce-mismatch`,
   * `ram-not-shared`) or `channel-closed`; a silent relay is the caller's deadline to keep, with `close`.
   */
  async hello(greeting: Omit<Hello, 'type'>): Promise<Grant> {
    const grant = new Promise<Grant>((resolve, reject) => {
      this.greeting = { nonce: greeting.nonce, resolve, reject };
    });
    grant.catch(() => undefined);
    await this.write(this.writer.encode({ type: 'hello', ...greeting }));
    return grant;
  }

  /**
   * Names an object of a migration; returns its number. The relay answers only if it refuses. Throws `no-room`, with
   * nothing written, where as many are open as a channel may have: the relay would close it for another one.
   */
  async open(migrationId: string, name: string): Promise<number> {
    this.outstanding.requireRoomToOpen();
    const object = this.nextObject;
    this.nextObject += 1;
    this.outstanding.openObject(object);
    await this.write(this.writer.encode({ type: 'open', object, migrationId, name }));
    return object;
  }

  /** Waits for a credit, writes one SEND and resolves; `landed` settles later. Throws if the object failed or closed. */
  send(object: number, runs: RunList): Promise<SentRuns> {
    return this.sendWithCredit({ type: 'send', object, runs });
  }

  /** The same for pages that hold nothing any more: runs of frame 0. */
  drop(object: number, pages: RunList): Promise<SentRuns> {
    return this.sendWithCredit({ type: 'drop', object, pages });
  }

  /** From here on `send` refuses the object, also where it waits for a credit; SENDs that are out still land. */
  async closeObject(object: number): Promise<void> {
    this.outstanding.closeObject(object);
    await this.write(this.writer.encode({ type: 'close', object }));
  }

  /** Ends the conversation; SENDs without an answer fail with `channel-closed`. Idempotent. */
  async close(): Promise<void> {
    if (this.failure === undefined) {
      const bye = this.write(this.writer.encode({ type: 'bye' })).catch(() => undefined);
      this.outstanding.failAll(closedByUs());
      await Promise.race([bye, setTimeout(byeGraceMs, undefined, { ref: false })]);
      this.end(closedByUs());
    }
    await this.channel.close();
  }

  private async sendWithCredit(message: Send | Drop): Promise<SentRuns> {
    const { object } = message;
    await this.outstanding.acquireCredit(object);
    let frame: EncodedFrame;
    try {
      // It may have been closed while this waited.
      this.outstanding.requireOpen(object);
      frame = this.writer.encode(message);
    } catch (error) {
      this.outstanding.returnCredit();
      throw error;
    }
    const landed = this.outstanding.add(object, frame.sequence);
    await this.write(frame);
    return { landed };
  }

  /** Frames reach the device in the order of their sequences, whoever writes them. */
  private write(frame: EncodedFrame): Promise<void> {
    const written = this.writing.then(() => this.writeNow(frame));
    this.writing = written.catch(() => undefined);
    return written;
  }

  private async writeNow(frame: EncodedFrame): Promise<void> {
    if (this.failure !== undefined) throw this.failure;
    const startMs = this.clock.monotonicMs();
    try {
      await this.channel.write(frame.bytes);
      this.writeSeconds.push((this.clock.monotonicMs() - startMs) / 1000);
      if (this.writeSeconds.length > costSamples) this.writeSeconds.shift();
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      const error = new PortkeyError('channel-closed', `cannot write a hypercall: ${reason}`, { cause });
      this.fail(error);
      throw error;
    }
  }

  private receive(bytes: Buffer): void {
    if (this.failure !== undefined) return;
    try {
      for (const { message, sequence } of this.reader.push(bytes)) this.handle(message, sequence);
    } catch (error) {
      this.fail(error instanceof PortkeyError ? error : new PortkeyError('internal', String(error)));
    }
  }

  private handle(message: Message, sequence: number): void {
    if (this.greeting !== undefined) this.handleGreeting(message, sequence);
    else if (message.type === 'complete') this.complete(message);
    else if (message.type === 'error') this.handleError(message);
    else throw new PortkeyError('bad-frame', `the relay sent ${message.type.toUpperCase()} unasked`);
  }

  /** Until the answer to this HELLO, what arrives is left from an earlier conversation, and ignored. */
  private handleGreeting(message: Message, sequence: number): void {
    const greeting = this.greeting;
    if (greeting === undefined) return;
    if (message.type === 'hello-ok' && message.nonce.equals(greeting.nonce)) {
      this.greeting = undefined;
      this.outstanding.grant(message.credits);
      greeting.resolve({ maxFrameBytes: message.maxFrameBytes, credits: message.credits });
    } else if (message.type === 'error' && sequence === 0) {
      this.handleError(message);
    }
  }

  private complete({ object, sequence, bytes, starvedUs, queueDepth }: Complete): void {
    this.outstanding.complete(object, sequence, { bytes, starvedUs, queueDepth });
  }

  private handleError({ code, object, text }: ErrorMessage): void {
    const error = new PortkeyError(code, text);
    if (object === wholeChannel) this.fail(error);
    else this.outstanding.failObject(object, error);
  }

  private fail(error: PortkeyError): void {
    if (this.failure !== undefined) return;
    this.end(error);
    this.onFailure(error);
  }

  private end(error: PortkeyError): void {
    this.failure = error;
    this.greeting?.reject(error);
    this.greeting = undefined;
    this.outstanding.failAll(error);
  }
}

function closedByUs(): PortkeyError {
  return new PortkeyError('channel-closed', 'the hypercall channel was closed by this side');
}
