/**
 * Where a thread has its restartable sequences area, from its `core-<tid>.img` (CRIU: images/core.proto, rseq.proto).
 *
 * The kernel writes there whenever the thread goes back to user space: which CPU it is on, and that it is in no critical
 * section any more (man rseq). It does so also when CRIU's parasite runs in the thread, while it is dumped.
 *
 * What is found here is not compared (docs/verify.md), so it is no longer than a kernel could want it: a size that only lay in
 * user space could be all of it.
 */
import { PortkeyError } from '../errors/index.js';
import { PAGE_BYTES } from '../units/index.js';
import { firstRecord, magic } from './image-file.js';
import { userPageCount } from './pagemap.js';
import { messageIn, numbersIn } from './record-fields.js';

export interface RseqArea {
  readonly address: number;
  readonly byteLength: number;
}

const magics = [magic.common, magic.core];
const threadCore = 5;
const rseqEntry = 15;
/**
 * Linux 6.3 writes 28 bytes of it (AT_RSEQ_FEATURE_SIZE), and the C library registers 32, or as many more as a later kernel has
 * fields for, rounded up to AT_RSEQ_ALIGN. This is four times 32, so that such a kernel need not be refused.
 */
const mostAreaBytes = 128;

/** Undefined for a thread that has none. Throws `internal` where it is no such image. */
export function decodeRseqArea(name: string, content: Buffer): RseqArea | undefined {
  const record = firstRecord(name, content, magics);
  const thread = messageIn(name, record, threadCore);
  const entry = thread === undefined ? undefined : messageIn(name, thread, rseqEntry);
  if (entry === undefined) return undefined;
  // rseq_entry {1: rseq_abi_pointer, 2: rseq_abi_size}
  const values = numbersIn(name, entry);
  const [address, byteLength] = [values.get(1) ?? 0, values.get(2) ?? 0];
  if (address === 0) return undefined;
  if (byteLength > mostAreaBytes) {
    throw new PortkeyError(
      'internal',
      `${name} has an area of ${byteLength} bytes for restartable sequences, but no kernel writes more than ${mostAreaBytes}; migrate without --verify`,
    );
  }
  if (address + byteLength > userPageCount * PAGE_BYTES) {
    throw new PortkeyError(
      'internal',
      `${name} has ${byteLength} bytes at address ${address}, which is beyond user space`,
    );
  }
  return { address, byteLength };
}
