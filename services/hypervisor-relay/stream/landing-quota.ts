/**
 * What one landing may take of its host's memory, by all threads that write into it.
 *
 *     counting down ──what comes exceeds what is left──▶ look at what the files hold ──▶ counting down from there, or no-room
 *
 * A page that is sent again overwrites the earlier one, so what has come says little of what is held. To ask the file system
 * each time would cost more than the writing; so bytes are only counted until there are more than there was room for when it
 * was last asked. That is once for a whole migration, and not again for at least `leastStepBytes`. A file and a folder count
 * as a page, however little they hold, and looking ends where there are more than may be.
 *
 * Limits: over the bound may be what each thread has counted and not yet written when another looks, a message each (64 MiB
 * at most), and one step.
 */
import { PortkeyError } from '../../../libraries/errors/index.js';
import { formatBytes, PAGE_BYTES } from '../../../libraries/units/index.js';

/** The container grows while it is migrated. */
const growthFactor = 2;
const headroomBytes = 512 * 2 ** 20;
const leastStepBytes = 16 * 2 ** 20;
const limitAt = 0;
const leftAt = 1;

/** What a landing may take that was opened for so many bytes. */
export function landingLimitBytes(expectedBytes: number): number {
  return expectedBytes * growthFactor + headroomBytes;
}

export function landingQuota(limitBytes: number): SharedArrayBuffer {
  const shared = new SharedArrayBuffer(2 * BigInt64Array.BYTES_PER_ELEMENT);
  new BigInt64Array(shared).fill(BigInt(limitBytes));
  return shared;
}

export class LandingQuota {
  private readonly values: BigInt64Array;

  constructor(
    shared: SharedArrayBuffer,
    /** What its files hold now; counted no further once it is more than `mostBytes`. */
    private readonly heldBytes: (mostBytes: number) => number,
  ) {
    this.values = new BigInt64Array(shared);
  }

  /** Before so many bytes are written. Throws `no-room`. */
  take(byteLength: number): void {
    const before = Number(Atomics.sub(this.values, leftAt, BigInt(byteLength)));
    if (before >= byteLength) return;
    const limit = Number(Atomics.load(this.values, limitAt));
    const held = this.heldBytes(limit);
    if (held + byteLength > limit) {
      throw new PortkeyError(
        'no-room',
        `what lands takes ${formatBytes(held)} at least and is to take ${formatBytes(byteLength)} more, but the landing was opened for a container that is to take no more than ${formatBytes(limit)}; migrate again once it has stopped growing`,
      );
    }
    const left = Math.max(limit - held, leastStepBytes) - byteLength;
    Atomics.store(this.values, leftAt, BigInt(Math.max(0, left)));
  }

  takeFile(): void {
    this.take(PAGE_BYTES);
  }
}
