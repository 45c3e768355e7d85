/**
 * Page runs of one batch → wherever they go, straight out of the mapped guest RAM, no faster than the rate limit allows.
 *
 * One way for all runs, vectors, because sendfile of long ones was measured to save nothing: what it saves here the
 * receiver pays, whose cache is cold (measure.js, rows floor and contiguous; docs/performance.md). It would also leave
 * references to guest pages in the socket: what arrives is then what the page holds when the network reads it, which
 * the rule for dirty pages allows as long as COMPLETE waits for LANDED, but no longer.
 */
import type { RunList } from '../../../libraries/hypercall/index.js';
import { IoVector } from '../../../libraries/libc/index.js';
import { PAGE_BYTES } from '../../../libraries/units/index.js';
import { RamMap } from '../ram/ram-map.js';
import type { MappedRam } from '../ram/zero-pages.js';
import type { RateLimit } from './rate-limit.js';

export interface PageWriterParts {
  /** Stays mapped while this writes. */
  readonly ram: MappedRam;
  readonly rate: RateLimit;
  /** Whether a vector may only hold pages that follow on from one another in the object. */
  readonly atPlaces: boolean;
  /** Takes all of the vector; its first page's place in the object, in bytes. */
  readonly write: (vector: IoVector, offset: number) => void;
}

export class PageWriter {
  private readonly vector = new IoVector();
  private readonly map: RamMap;
  /** Where in the object the vector begins, and where the next piece would follow on. */
  private begin = 0;
  private next = 0;

  constructor(private readonly parts: PageWriterParts) {
    this.map = new RamMap(parts.ram.sections);
  }

  /** Blocks until the pages, and a message before them, were taken. Throws `bad-run`, and what `write` throws. */
  write(runs: RunList, message?: Buffer): void {
    this.vector.clear();
    if (message !== undefined) this.vector.addBuffer(message);
    for (let index = 0; index < runs.length; index += 1) {
      const place = runs.page(index) * PAGE_BYTES;
      if (this.parts.atPlaces && place !== this.next) this.flush();
      if (this.vector.pieces === 0) this.begin = place;
      this.next = place;
      this.map.locate(runs.pfn(index) * PAGE_BYTES, runs.count(index) * PAGE_BYTES, this.add);
    }
    this.flush();
  }

  /** Hands over when the vector is full, or holds as much as the rate limit allows at once. */
  private readonly add = (fileOffset: number, byteLength: number): void => {
    const address = this.parts.ram.address + fileOffset;
    const { pieceBytes } = this.parts.rate;
    let added = 0;
    while (added < byteLength) {
      const piece = Math.min(byteLength - added, pieceBytes);
      this.vector.add(address + added, piece);
      added += piece;
      this.next += piece;
      if (this.vector.isFull || this.vector.byteLength >= pieceBytes) this.flush();
    }
  };

  private flush(): void {
    if (this.vector.pieces > 0) {
      this.parts.rate.take(this.vector.byteLength);
      // SAFETY of the addresses: the RAM stays mapped while its session has this thread, and the map was made for it.
      this.parts.write(this.vector, this.begin);
    }
    this.begin = this.next;
  }
}
