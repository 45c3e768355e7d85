/**
 * The source's end of a stream: page runs out of the mapped guest RAM onto the network. Runs in a worker thread
 * of its own and blocks.
 *
 *     connect ──HELLO, WELCOME──▶ sending ──images──▶ END, wait for its LANDED ──▶ ended
 *
 * In *sending* it works off commands in order: a batch's header and page table, then its pages, straight from guest
 * RAM by `writev` of up to 1024 pieces; of zero pages only where they are. Between commands, and while a rate limit makes it wait, it takes the
 * destination's LANDEDs. With nothing to do it sleeps until a command, a LANDED or the connection's end.
 *
 * Invariants: messages leave in the order of their commands; a batch is reported as landed when the destination
 * said so, never when it was merely sent. A receiver that stalls stalls this thread in `writev`: nothing piles up
 * but the commands, which the guest's credits bound. The connection's end, or its shutdown by the main thread,
 * ends every wait with `stream-broken`.
 */
import { PortkeyError } from '../../../libraries/errors/index.js';
import { RunList } from '../../../libraries/hypercall/index.js';
import { connectTcp, sendFile, setReceiveTimeout, waitReadable } from '../../../libraries/libc/index.js';
import type { Clock } from '../../../libraries/process/index.js';
import { PAGE_BYTES } from '../../../libraries/units/index.js';
import { RamMap } from '../ram/ram-map.js';
import { ZeroPages, type PageRange } from '../ram/zero-pages.js';
import { Counters } from './counters.js';
import { Idleness } from './idleness.js';
import { sendImages } from './image-files.js';
import { MessageSocket } from './message-socket.js';
import { PageWriter } from './page-writer.js';
import {
  closeBody,
  decodeLanded,
  decodeRefused,
  encodeMessage,
  helloBody,
  objectBody,
  rangesBody,
} from './protocol.js';
import type { SenderCommand, SenderEvent, SenderStart } from './sender-messages.js';
import { TokenBucket } from './token-bucket.js';

const connectTimeoutMs = 5_000;
const welcomeTimeoutMs = 10_000;

export interface SenderParts {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  /** The next command, if there is one; never waits. */
  readonly nextCommand: () => SenderCommand | undefined;
  readonly report: (event: SenderEvent) => void;
}

interface Batch {
  readonly object: number;
  readonly ticket: number;
  readonly pages: number;
  readonly zeroPages: number;
}

interface Unlanded {
  readonly sequence: number;
  readonly batch?: Batch;
}

export class Sender {
  private readonly socket: MessageSocket;
  private readonly bucket: TokenBucket;
  private readonly counters: Counters;
  private readonly idleness = new Idleness();
  private readonly pages: PageWriter;
  private readonly zeroPages: ZeroPages;
  private readonly queue: SenderCommand[] = [];
  private readonly unlanded: Unlanded[] = [];
  private nextSequence = 0;
  /** Why the destination ended the stream, once it said so. */
  private refusal: PortkeyError | undefined;

  constructor(
    private readonly start: SenderStart,
    private readonly parts: SenderParts,
  ) {
    this.socket = new MessageSocket(start.socketFd);
    this.bucket = new TokenBucket(start.bytesPerSecond);
    this.pages = new PageWriter({
      socketFd: start.socketFd,
      ramAddress: start.ram.address,
      ram: new RamMap(start.ram.sections),
      bucket: this.bucket,
      waitForRate: (byteLength) => this.waitForRate(byteLength),
    });
    this.zeroPages = new ZeroPages(start.ram);
    this.counters = new Counters(start.counters);
  }

  /** Returns when the stream has ended in order. Throws `stream-broken`, or what the destination refused it with. */
  run(): void {
    try {
      this.stream();
    } finally {
      this.zeroPages.close();
    }
  }

  private stream(): void {
    this.connect();
    this.parts.report({ type: 'connected' });
    for (;;) {
      this.takeCommands();
      const command = this.queue.shift();
      if (command === undefined) this.sleep(-1);
      else if (command.type === 'images') {
        this.finish(command.folder, command.below);
        return;
      } else {
        this.work(command);
        this.takeLanded();
      }
    }
  }

  private connect(): void {
    const { socketFd, peer, token, migrationId } = this.start;
    connectTcp(socketFd, peer, connectTimeoutMs);
    this.socket.send(encodeMessage('hello', this.sequence(), helloBody(Buffer.from(token), migrationId)));
    setReceiveTimeout(socketFd, welcomeTimeoutMs);
    const answer = this.socket.receive();
    setReceiveTimeout(socketFd, 0);
    if (answer?.type === 'refused') throw refusal(answer.body);
    if (answer?.type !== 'welcome') {
      throw new PortkeyError(
        'stream-broken',
        `${peer.address}:${peer.port} is not the landing of this migration`,
      );
    }
  }

  private work(command: Exclude<SenderCommand, { type: 'images' }>): void {
    if (command.type === 'object') {
      this.idleness.opened(command.object, this.now());
      const sequence = this.sequence();
      this.socket.send(encodeMessage('object', sequence, objectBody(command.object, command.name)));
      this.unlanded.push({ sequence });
    } else if (command.type === 'close') {
      this.idleness.closed(command.object);
      const sequence = this.sequence();
      this.socket.send(encodeMessage('close', sequence, closeBody(command.object)));
      this.unlanded.push({ sequence });
    } else {
      this.idleness.busy(this.now());
      this.sendBatch(command.object, command.ticket, RunList.fromBytes(Buffer.from(command.runs)));
      this.idleness.idle(this.now());
    }
  }

  private sendBatch(object: number, ticket: number, runs: RunList): void {
    const { content, zeroes } = this.zeroPages.split(runs);
    const batch = { object, ticket, pages: runs.pageCount, zeroPages: runs.pageCount - content.pageCount };
    if (zeroes.length > 0) {
      const sequence = this.sequence();
      // The last message of a batch stands for all of it.
      this.unlanded.push(content.pageCount === 0 ? { sequence, batch } : { sequence });
      const message = encodeMessage('zero', sequence, rangesBody(object, zeroes));
      this.waitForRate(message.length);
      this.orRefusal(() => this.socket.send(message));
    }
    if (content.pageCount > 0) {
      const sequence = this.sequence();
      this.unlanded.push({ sequence, batch });
      const body = rangesBody(object, rangesOf(content));
      const message = encodeMessage('batch', sequence, body, content.pageCount * PAGE_BYTES);
      this.orRefusal(() => this.pages.write(message, content));
    }
  }

  /** Until these bytes may be sent. */
  private waitForRate(byteLength: number): void {
    for (let waitMs = this.bucket.waitMs(this.now()); waitMs >= 1; waitMs = this.bucket.waitMs(this.now())) {
      this.sleep(Math.floor(waitMs));
    }
    this.bucket.sent(byteLength, this.now());
  }

  private finish(folder: string, below: string): void {
    const sent = sendImages(folder, below, {
      send: (body, fileFd, contentBytes) => {
        const sequence = this.sequence();
        this.unlanded.push({ sequence });
        const message = encodeMessage('file', sequence, body, contentBytes);
        this.waitForRate(message.length);
        this.orRefusal(() => {
          this.socket.send(message);
          for (let sent = 0; sent < contentBytes;) {
            const piece = Math.min(contentBytes - sent, this.bucket.pieceBytes);
            this.waitForRate(piece);
            sendFile(this.socket.fd, fileFd, sent, piece);
            sent += piece;
          }
        });
        this.counters.add('bytes', contentBytes);
      },
    });
    const sequence = this.sequence();
    this.unlanded.push({ sequence });
    this.orRefusal(() => this.socket.send(encodeMessage('end', sequence)));
    while (this.unlanded.length > 0) this.sleep(-1);
    this.parts.report({ type: 'ended', ...sent });
  }

  /** Waits for LANDEDs or a wake-up, and takes the former. */
  private sleep(timeoutMs: number): void {
    if (waitReadable(this.socket.fd, this.start.wakeUpFd, timeoutMs)) {
      this.takeMessage();
      this.takeLanded();
    }
  }

  /** Once everything has landed nothing more is due; after END the destination closes then, and that is no error. */
  private takeLanded(): void {
    while (this.unlanded.length > 0 && waitReadable(this.socket.fd, this.start.wakeUpFd, 0))
      this.takeMessage();
  }

  private takeMessage(): void {
    const message = this.socket.receive();
    if (message === undefined) throw new PortkeyError('stream-broken', 'the other relay closed the stream');
    if (message.type === 'refused') {
      this.refusal = refusal(message.body);
      throw this.refusal;
    }
    if (message.type !== 'landed') {
      throw new PortkeyError('stream-broken', `the other relay sent ${message.type} unasked`);
    }
    decodeLanded(message.body);
    this.takeCommands();
    const queueDepth = this.queue.filter(({ type }) => type === 'batch').length;
    while ((this.unlanded[0]?.sequence ?? Number.POSITIVE_INFINITY) <= message.sequence) {
      const { batch } = this.unlanded.shift() ?? {};
      if (batch === undefined) continue;
      const starvedUs = this.idleness.take();
      const { object, ticket, pages, zeroPages } = batch;
      this.counters.add('pages', pages);
      this.counters.add('zeroPages', zeroPages);
      this.counters.add('bytes', (pages - zeroPages) * PAGE_BYTES);
      this.counters.add('starvedUs', starvedUs);
      this.parts.report({ type: 'landed', object, ticket, bytes: pages * PAGE_BYTES, starvedUs, queueDepth });
    }
  }

  /** A destination that refuses says why before it closes; that is better news than EPIPE. */
  private orRefusal(send: () => void): void {
    try {
      send();
    } catch (error) {
      if (this.refusal === undefined) this.takeLanded();
      throw error;
    }
  }

  private takeCommands(): void {
    for (let command = this.parts.nextCommand(); command !== undefined; command = this.parts.nextCommand()) {
      this.queue.push(command);
    }
  }

  private sequence(): number {
    const sequence = this.nextSequence;
    this.nextSequence += 1;
    return sequence;
  }

  private now(): number {
    return this.parts.clock.monotonicMs();
  }
}

/** Where the pages of a batch go: scattered frames are mostly neighbours again in the object. */
function rangesOf(runs: RunList): PageRange[] {
  const ranges: { page: number; count: number }[] = [];
  for (let index = 0; index < runs.length; index += 1) {
    const last = ranges.at(-1);
    if (last !== undefined && last.page + last.count === runs.page(index)) last.count += runs.count(index);
    else ranges.push({ page: runs.page(index), count: runs.count(index) });
  }
  return ranges;
}

function refusal(body: Buffer): PortkeyError {
  const { code, text } = decodeRefused(body);
  return new PortkeyError(code, `the destination's relay refused the stream: ${text}`);
}
