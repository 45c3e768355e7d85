/**
 * The way from a sender to the landing: what sender.ts knows of it.
 *
 * Two ways: socket-link.ts to another relay, local-link.ts into a landing of this one. What holds for both:
 * content leaves in the order of the calls, and none of it faster than the rate; a batch has *landed* when it is in
 * the landing's files and not before; each batch lands once, by `onLanded`, in order. A call may wait for the other
 * side, and a stream that ends meanwhile ends the call with `stream-broken` or the destination's own reason.
 */
import type { RunList } from '../../../libraries/hypercall/index.js';
import type { PageRange } from '../ram/zero-pages.js';
import type { RateLimit } from './rate-limit.js';
import type { ShutDownFlag } from './shut-down-flag.js';

/** One SEND of the guest, or this stream's share of it. */
export interface Batch {
  readonly object: number;
  readonly ticket: number;
  /** Zero pages included. */
  readonly pages: number;
  readonly zeroPages: number;
}

export interface LinkParts {
  readonly rate: RateLimit;
  readonly shutDown: ShutDownFlag;
  readonly onLanded: (batch: Batch) => void;
}

export interface Link {
  /** Returns when the landing has admitted the stream. */
  connect(): void;
  openObject(object: number, name: string): void;
  closeObject(object: number): void;
  /** A batch in its two parts. */
  sendPages(batch: Batch, content: RunList, zeroes: readonly PageRange[]): void;
  /** What earlier batches sent of these pages is given back: they read as zeroes then. Lands as a batch does. */
  dropPages(batch: Batch, pages: readonly PageRange[]): void;
  /** A whole file from this descriptor. */
  sendFile(name: string, fileFd: number, byteLength: number): void;
  /** Nothing more comes; returns when all has landed. */
  end(): void;
  /** Takes what the other side has said so far. Never waits. */
  takeAnswers(): void;
  /** Waits until the other side says something, the wake-up was used, or the time has passed; −1 waits for ever. */
  wait(timeoutMs: number): void;
  /** Frees what the link has opened. */
  close(): void;
}
