/**
 * The bandwidth cap as a link sees it: wait, then send a piece.
 *
 * Waiting is `wait`'s, which the link makes useful by taking answers meanwhile.
 */
import type { Clock } from '../../../libraries/process/index.js';
import { TokenBucket } from './token-bucket.js';

export class RateLimit {
  private readonly bucket: TokenBucket;

  /** 0 bytes per second: no limit. */
  constructor(
    bytesPerSecond: number,
    private readonly clock: Pick<Clock, 'monotonicMs'>,
    private readonly wait: (timeoutMs: number) => void,
  ) {
    this.bucket = new TokenBucket(bytesPerSecond);
  }

  /** The most to send at once. */
  get pieceBytes(): number {
    return this.bucket.pieceBytes;
  }

  /** Returns when so many bytes may be sent, and counts them as sent. */
  take(byteLength: number): void {
    for (let waitMs = this.waitMs(); waitMs >= 1; waitMs = this.waitMs()) this.wait(Math.floor(waitMs));
    this.bucket.sent(byteLength, this.clock.monotonicMs());
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

  private waitMs(): number {
    return this.bucket.waitMs(this.clock.monotonicMs());
  }
}
