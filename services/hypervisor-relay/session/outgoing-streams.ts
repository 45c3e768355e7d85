/**
 * The threads that send one migration's streams, as one.
 *
 *     connecting ──all admitted──▶ connected ──end──▶ all but the first ended ──▶ images, by the first ──▶ ended
 *          └──────────────────────────┴───── one fails, or shutDown ────┴──────────────┴──▶ over, all of them
 *
 * Each has a connection and a wake-up of its own; they share the counters, the bandwidth cap and the measure of
 * idleness. Invariants: all pages have landed before the first image is sent; the first stream that fails ends all
 * others; they are over together, when the last thread is gone, with one error. Guest RAM stays mapped until then.
 */
import { closeSync } from 'node:fs';

import type { PortkeyError } from '../../../libraries/errors/index.js';
import { WakeUp } from '../../../libraries/libc/index.js';
import type { GuestRam } from '../ram/guest-ram.js';
import { Backlog } from '../stream/backlog.js';
import type { Counters } from '../stream/counters.js';
import { Idleness } from '../stream/idleness.js';
import type {
  Destination,
  SenderCommand,
  SenderEvent,
  SenderStart,
  SharedBySenders,
} from '../stream/sender-messages.js';
import { ShutDownFlag } from '../stream/shut-down-flag.js';
import { StreamThread } from '../stream/stream-thread.js';
import type { ThreadPool } from '../stream/thread-pool.js';
import { TokenBucket } from '../stream/token-bucket.js';
import { openEach } from './open-each.js';

export interface ImagesSent {
  readonly files: number;
  readonly bytes: number;
}

type LandedPart = Extract<SenderEvent, { type: 'landed' }>;
type Images = Extract<SenderCommand, { type: 'images' }>;

/** Where a stream goes, with the sockets that its thread may block in. */
export interface OutgoingWay {
  readonly destination: Destination;
  readonly sockets: readonly number[];
}

export function closeWay({ sockets }: OutgoingWay): void {
  for (const fd of sockets) closeSync(fd);
}

export interface OutgoingStreamsOptions {
  /** One a stream. Their sockets are closed with it, also where it cannot be made. */
  readonly ways: readonly OutgoingWay[];
  readonly ram: GuestRam;
  /** 0: no limit. */
  readonly bytesPerSecond: number;
  readonly pool: ThreadPool;
  readonly counters: Counters;
  /** All of them were admitted. */
  readonly onConnected: () => void;
  readonly onLanded: (part: LandedPart) => void;
  /** All of them, in order. */
  readonly onEnded: (sent: ImagesSent) => void;
  /** The last call. */
  readonly onOver: (error: PortkeyError | undefined) => void;
}

interface OpenedWay extends OutgoingWay {
  readonly wakeUp: WakeUp;
}

interface OutgoingStream {
  readonly thread: StreamThread<SenderStart, SenderEvent>;
  readonly wakeUp: WakeUp;
  readonly backlog: Backlog;
}

export class OutgoingStreams {
  private readonly streams: readonly OutgoingStream[];
  private readonly errors: PortkeyError[] = [];
  private connectedCount = 0;
  private endedCount = 0;
  private overCount = 0;
  /** What the first stream ends with. */
  private images: Images | undefined;
  private readonly shutDownFlag = new ShutDownFlag();

  constructor(private readonly options: OutgoingStreamsOptions) {
    const { counters, bytesPerSecond } = options;
    const shared = {
      counters: counters.shared,
      tokenBucket: new TokenBucket(bytesPerSecond).shared,
      idleness: new Idleness().shared,
      shutDown: this.shutDownFlag.shared,
    };
    this.streams = withWakeUps(options.ways).map((way) => this.start(way, shared));
  }

  get count(): number {
    return this.streams.length;
  }

  /** Commands that wait for the stream that is furthest behind. */
  get backlog(): number {
    return Math.max(...this.streams.map(({ backlog }) => backlog.length));
  }

  post(stream: number, command: SenderCommand): void {
    const to = this.streams[stream];
    if (to === undefined) return;
    to.backlog.posted();
    to.thread.post(command);
    to.wakeUp.wake();
  }

  postAll(command: SenderCommand): void {
    for (let stream = 0; stream < this.count; stream += 1) this.post(stream, command);
  }

  /** Nothing else may be posted from here on. */
  end(images: Images): void {
    this.images = images;
    for (let stream = 1; stream < this.count; stream += 1) this.post(stream, { type: 'end' });
    this.endFirst();
  }

  /** Ends the threads' waits, also of those that are still connecting. Idempotent. */
  shutDown(): void {
    this.shutDownFlag.set();
    for (const { thread, wakeUp } of this.streams) {
      thread.shutDown();
      wakeUp.wake();
    }
  }

  /** Resolves when all threads are gone. */
  async done(): Promise<void> {
    await Promise.all(this.streams.map(({ thread }) => thread.done));
  }

  private start({ destination, sockets, wakeUp }: OpenedWay, shared: SharedBySenders): OutgoingStream {
    const { ram, bytesPerSecond, pool } = this.options;
    const backlog = new Backlog();
    ram.retain();
    const thread = new StreamThread<SenderStart, SenderEvent>({
      pool,
      start: {
        ...{ destination, wakeUpFd: wakeUp.fd, ram: ram.mapped, bytesPerSecond },
        ...{ backlog: backlog.shared, shared },
      },
      sockets,
      onEvent: (event) => {
        if (event.type === 'landed') this.options.onLanded(event);
        else if (event.type === 'ended') this.ended(event);
        else this.connected();
      },
      onOver: (error) => {
        wakeUp.close();
        ram.release();
        this.over(error);
      },
    });
    return { thread, wakeUp, backlog };
  }

  private connected(): void {
    this.connectedCount += 1;
    if (this.connectedCount === this.count && !this.shutDownFlag.isSet) this.options.onConnected();
  }

  private ended(sent: ImagesSent): void {
    this.endedCount += 1;
    this.endFirst();
    if (this.endedCount === this.count) this.options.onEnded({ files: sent.files, bytes: sent.bytes });
  }

  private endFirst(): void {
    if (this.images !== undefined && this.endedCount === this.count - 1) this.post(0, this.images);
  }

  private over(error: PortkeyError | undefined): void {
    this.overCount += 1;
    if (error !== undefined) {
      this.errors.push(error);
      this.shutDown();
    }
    if (this.overCount === this.count) this.options.onOver(this.reason());
  }

  /** The destination's own reason may come by one stream, and its end by the others before it. */
  private reason(): PortkeyError | undefined {
    return this.errors.find(({ code }) => code !== 'stream-broken') ?? this.errors[0];
  }
}

/** Before the first thread is started: from then on each thread's end frees what is its own. */
function withWakeUps(ways: readonly OutgoingWay[]): OpenedWay[] {
  try {
    return openEach(
      ways,
      (way) => ({ ...way, wakeUp: new WakeUp() }),
      ({ wakeUp }) => wakeUp.close(),
    );
  } catch (error) {
    for (const way of ways) closeWay(way);
    throw error;
  }
}
