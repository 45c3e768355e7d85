/**
 * The source's end of a stream: page runs out of the mapped guest RAM into a landing. Runs in a worker thread of its
 * own and blocks.
 *
 *     connect ──▶ sending ──images, or end──▶ END, wait until all has landed ──▶ ended
 *
 * In *sending* it works off commands in order. A batch is parted first: zero pages are only named, the others sent.
 * How, is the link's to know (link.ts). With nothing to do it sleeps until a command, an answer or the link's end.
 *
 * Invariants: a batch is reported as landed when it is in the landing's files, never when it was merely sent. A
 * receiver that stalls stalls this thread: nothing piles up but the commands. It counts those that it has begun, so that
 * the main thread knows how many wait, and lets a guest add to them only up to a bound (channel/object-table.ts).
 */
import { RunList } from '../../../libraries/hypercall/index.js';
import type { FolderPlace } from '../../../libraries/libc/index.js';
import type { Clock } from '../../../libraries/process/index.js';
import { PAGE_BYTES } from '../../../libraries/units/index.js';
import { rangesOf, ZeroPages } from '../ram/zero-pages.js';
import { Backlog } from './backlog.js';
import { Counters } from './counters.js';
import { Idleness } from './idleness.js';
import { sendImages } from './image-files.js';
import type { Batch, Link } from './link.js';
import { LocalLink } from './local-link.js';
import { RateLimit } from './rate-limit.js';
import type { SenderCommand, SenderEvent, SenderStart } from './sender-messages.js';
import { ShutDownFlag } from './shut-down-flag.js';
import { SocketLink } from './socket-link.js';

export interface SenderParts {
  /** Reads the same in the threads of all streams. */
  readonly clock: Pick<Clock, 'monotonicMs'>;
  /** The next command, if there is one; never waits. */
  readonly nextCommand: () => SenderCommand | undefined;
  readonly report: (event: SenderEvent) => void;
}

type Ending = Extract<SenderCommand, { type: 'images' | 'end' }>;
const nothing = { files: 0, bytes: 0 };

export class Sender {
  private readonly link: Link;
  private readonly backlog: Backlog;
  private readonly counters: Counters;
  private readonly idleness: Idleness;
  private readonly zeroPages: ZeroPages;
  private readonly queue: SenderCommand[] = [];

  constructor(
    start: SenderStart,
    private readonly parts: SenderParts,
  ) {
    const { destination, wakeUpFd, ram, bytesPerSecond, backlog, shared } = start;
    this.backlog = new Backlog(backlog);
    this.counters = new Counters(shared.counters);
    this.idleness = new Idleness(shared.idleness);
    this.zeroPages = new ZeroPages(ram);
    const rate = new RateLimit({
      bytesPerSecond,
      shared: shared.tokenBucket,
      clock: parts.clock,
      wait: (timeoutMs) => this.link.wait(timeoutMs),
    });
    const shutDown = new ShutDownFlag(shared.shutDown);
    const linkParts = { rate, shutDown, onLanded: (batch: Batch) => this.landed(batch) };
    this.link =
      destination.type === 'relay'
        ? new SocketLink(destination, wakeUpFd, ram, linkParts)
        : new LocalLink(destination, wakeUpFd, ram, linkParts);
  }

  /** Returns when the stream has ended in order. Throws `stream-broken`, or what the destination refused it with. */
  run(): void {
    try {
      this.link.connect();
      this.parts.report({ type: 'connected' });
      this.send();
    } finally {
      this.link.close();
      this.zeroPages.close();
    }
  }

  private send(): void {
    for (;;) {
      this.takeCommands();
      const command = this.queue.shift();
      if (command === undefined) {
        this.link.wait(-1);
        continue;
      }
      this.backlog.begun();
      if (command.type === 'images' || command.type === 'end') {
        this.finish(command);
        return;
      } else {
        this.work(command);
        this.link.takeAnswers();
      }
    }
  }

  private work(command: Exclude<SenderCommand, Ending>): void {
    if (command.type === 'object') {
      this.idleness.opened(command.object, this.now());
      this.link.openObject(command.object, command.name);
    } else if (command.type === 'close') {
      this.idleness.closed(command.object);
      this.link.closeObject(command.object);
    } else {
      this.idleness.busy(this.now());
      const runs = RunList.fromBytes(Buffer.from(command.runs));
      if (command.type === 'batch') this.sendBatch(command.object, command.ticket, runs);
      else this.dropPages(command.object, command.ticket, runs);
      this.idleness.idle(this.now());
    }
  }

  private sendBatch(object: number, ticket: number, runs: RunList): void {
    const { content, zeroes } = this.zeroPages.split(runs);
    const zeroPages = runs.pageCount - content.pageCount;
    this.link.sendPages({ object, ticket, pages: runs.pageCount, zeroPages }, content, zeroes);
  }

  private dropPages(object: number, ticket: number, runs: RunList): void {
    this.link.dropPages({ object, ticket, pages: 0, zeroPages: 0 }, rangesOf(runs));
  }

  private finish(ending: Ending): void {
    const sent = ending.type === 'images' ? this.sendImages(ending.folder, ending.below) : nothing;
    this.link.end();
    this.parts.report({ type: 'ended', ...sent });
  }

  private sendImages(folder: FolderPlace, below: string): typeof nothing {
    return sendImages(folder, below, {
      send: (name, fileFd, contentBytes) => {
        this.link.sendFile(name, fileFd, contentBytes);
        this.counters.add('bytes', contentBytes);
      },
    });
  }

  private landed({ object, ticket, pages, zeroPages }: Batch): void {
    this.takeCommands();
    const queueDepth = this.queue.filter(({ type }) => type === 'batch' || type === 'drop').length;
    const starvedUs = this.idleness.take();
    this.counters.add('pages', pages);
    this.counters.add('zeroPages', zeroPages);
    this.counters.add('bytes', (pages - zeroPages) * PAGE_BYTES);
    this.counters.add('starvedUs', starvedUs);
    this.parts.report({ type: 'landed', object, ticket, bytes: pages * PAGE_BYTES, starvedUs, queueDepth });
  }

  private takeCommands(): void {
    for (let command = this.parts.nextCommand(); command !== undefined; command = this.parts.nextCommand()) {
      this.queue.push(command);
    }
  }

  private now(): number {
    return this.parts.clock.monotonicMs();
  }
}
