/**
 * The link to a landing of this very relay: source and destination VM are on one host, so nothing is sent.
 *
 * Pages are written from the mapped guest RAM into the landing's files by `pwritev`, images by `sendfile` from file to
 * file: one copy each, no socket, no second thread. What a call has written has landed when it returns, and is
 * acknowledged then; so everything that rests on acknowledgements holds as over the network. The rate limit does, too.
 *
 * Cheaper than two relays on loopback, for one long run as for single pages: measure.js prints both ways side by side
 * (rows "same host"; docs/performance.md says how).
 *
 * The main thread ends a wait by shutting `endFd` down, one of a pair of sockets that carry nothing. Limits: a copy
 * that has begun (64 MiB at most) is not broken off.
 */
import { PortkeyError } from '../../../libraries/errors/index.js';
import type { RunList } from '../../../libraries/hypercall/index.js';
import { sendFile, waitReadable } from '../../../libraries/libc/index.js';
import { PAGE_BYTES } from '../../../libraries/units/index.js';
import type { MappedRam, PageRange } from '../ram/zero-pages.js';
import { Counters } from './counters.js';
import { LandingFiles } from './landing-files.js';
import type { Batch, Link, LinkParts } from './link.js';
import { PageWriter } from './page-writer.js';
import type { LocalDestination } from './sender-messages.js';

export class LocalLink implements Link {
  private opened: LandingFiles | undefined;
  private readonly counters: Counters;
  private readonly pages: PageWriter;
  private object = 0;

  constructor(
    private readonly destination: LocalDestination,
    private readonly wakeUpFd: number,
    ram: MappedRam,
    private readonly parts: LinkParts,
  ) {
    this.counters = new Counters(destination.counters);
    this.pages = new PageWriter({
      ram,
      rate: parts.rate,
      atPlaces: true,
      write: (vector, offset) =>
        this.files.landPages(this.object, offset, vector.byteLength, (fd) => vector.writeAt(fd, offset)),
    });
  }

  /** There is nobody to ask: the landing was joined before the thread began. */
  connect(): void {
    this.takeAnswers();
    this.opened = new LandingFiles(this.destination.folder, this.destination.quota);
  }

  openObject(object: number, name: string): void {
    this.files.openObject(object, name);
  }

  closeObject(object: number): void {
    this.files.closeObject(object);
  }

  sendPages(batch: Batch, content: RunList, zeroes: readonly PageRange[]): void {
    for (const { page, count } of zeroes)
      this.files.landZeroes(batch.object, page * PAGE_BYTES, count * PAGE_BYTES);
    this.object = batch.object;
    this.pages.write(content);
    this.counters.add('pages', batch.pages);
    this.counters.add('zeroPages', batch.zeroPages);
    this.counters.add('bytes', content.pageCount * PAGE_BYTES);
    this.parts.onLanded(batch);
  }

  dropPages(batch: Batch, pages: readonly PageRange[]): void {
    for (const { page, count } of pages)
      this.files.dropPages(batch.object, page * PAGE_BYTES, count * PAGE_BYTES);
    this.parts.onLanded(batch);
  }

  sendFile(name: string, fileFd: number, byteLength: number): void {
    this.files.landFile(name, byteLength, (fd) =>
      this.parts.rate.inPieces(byteLength, (start, length) => sendFile(fd, fileFd, start, length)),
    );
    this.counters.add('bytes', byteLength);
  }

  end(): void {
    this.takeAnswers();
  }

  takeAnswers(): void {
    this.wait(0);
  }

  wait(timeoutMs: number): void {
    if (!waitReadable(this.destination.endFd, this.wakeUpFd, timeoutMs)) return;
    throw new PortkeyError('stream-broken', 'the stream into this landing was ended');
  }

  close(): void {
    this.opened?.close();
  }

  private get files(): LandingFiles {
    if (this.opened === undefined)
      throw new PortkeyError('internal', 'a link is used before it is connected');
    return this.opened;
  }
}
