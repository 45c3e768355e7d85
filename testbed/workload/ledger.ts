/**
 * What was written, and what of it was acknowledged.
 *
 * Each key has two versions: the last one sent and the last one acknowledged. Redis handles one connection's
 * commands in order, so at any moment the key must hold a version between the two. Older is a lost write, gone
 * entirely too; a value that is not, byte for byte, the version it claims to be is corrupt. Version 0 means "never
 * written": such a key must not exist.
 */
import { claimedVersion, valueOf } from './values.js';

export type Judgement = 'intact' | 'lost' | 'corrupt';

export class Ledger {
  private readonly sent: Uint32Array;
  private readonly acknowledged: Uint32Array;
  private acknowledgedCount = 0;

  constructor(readonly keys: number) {
    this.sent = new Uint32Array(keys);
    this.acknowledged = new Uint32Array(keys);
  }

  get acknowledgedWrites(): number {
    return this.acknowledgedCount;
  }

  /** The version that the next write of `key` has. */
  beginWrite(key: number): number {
    const version = (this.sent[key] ?? 0) + 1;
    this.sent[key] = version;
    return version;
  }

  /** Acknowledgements of one key come in the order of its writes. */
  acknowledge(key: number, version: number): void {
    this.acknowledged[key] = version;
    this.acknowledgedCount += 1;
  }

  /** `value` is what the server holds for `key` now, null for nothing. No write of it may be under way. */
  judge(key: number, value: Buffer | null): Judgement {
    const oldest = this.acknowledged[key] ?? 0;
    if (value === null) return oldest === 0 ? 'intact' : 'lost';
    const version = claimedVersion(key, value);
    if (version === undefined || version === 0 || version > (this.sent[key] ?? 0)) return 'corrupt';
    if (!value.equals(valueOf(key, version))) return 'corrupt';
    return version < oldest ? 'lost' : 'intact';
  }
}
