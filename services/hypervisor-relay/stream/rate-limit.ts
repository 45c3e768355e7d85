/**
 * The bandwidth cap as a link sees it: wait, then send a piece.
 *
 * Waiting is `wait`'s, which the link makes useful by taking answers meanwhile. The streams of one migration share
 * the cap by sharing its bucket's memory.
 */
import type { Clock } from '../../../libraries/process/index.js';
import { TokenBucket } from './token-bucket.js';

export interface RateLimitParts {
  /** 0: no limit. */
  readonly bytesPerSecond: number;
  /** The bucket's. */
  readonly shared: SharedArrayBuffer;
  /** Reads the same in all threads. */
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly wait: (timeoutMs: number) => void;
}

export class RateLimit {
  private readonly bucket: TokenBucket;

  constructor(private readonly parts: RateLimitParts) {
    this.bucket = new TokenBucket(parts.bytesPerSecond, parts.shared);
  }

  /** The most to send at once. */
  get pieceBytes(): number {
    return this.bucket.pieceBytes;
  }

  /** Returns when so many bytes may be sent, and counts them as sent. */
  take(byteLength: number): void {
    const { clock, wait } = this.parts;
    const atMs = this.bucket.take(byteLength, clock.monotonicMs());
    for (let leftMs = atMs - clock.monotonicMs(); leftMs >= 1; leftMs = atMs - clock.monotonicMs()) {
      wait(Math.floor(leftMs));
    }
  }

  /** Calls `send` with the pieces of so many bytes, each when it may be sent. */
  inPieces(byteLength: number, send: (start: number, pieceLength: number) => void): void {
    for (let start = 0; start < byteLength;) {
      const piece = Math.min(byteLength - start, this.pieceBytes);
      this.take(piece);
      send(start, piece);
      start += piece;
    }
  }
}
