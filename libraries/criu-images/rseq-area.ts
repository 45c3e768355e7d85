/**
 * Where a thread has its restartable sequences area, from its `core-<tid>.img` (CRIU: images/core.proto, rseq.proto).
 *
 * The kernel writes there whenever the thread goes back to user space: which CPU it is on, and that it is in no critical
 * section any more (man rseq). It does so also when CRIU's parasite runs in the thread, while it is dumped.
 */
import protobuf from 'protobufjs/minimal.js';

import { PortkeyError } from '../errors/index.js';
import { decodeImage, magic } from './image-file.js';
import { fields } from './pagemap.js';

export interface RseqArea {
  readonly address: number;
  readonly byteLength: number;
}

const magics = [magic.common, magic.core];
const threadCore = 5;
const rseqEntry = 15;

/** Undefined for a thread that has none. Throws `internal` where it is no such image. */
export function decodeRseqArea(name: string, content: Buffer): RseqArea | undefined {
  const [record] = decodeImage(name, content, magics);
  if (record === undefined) throw new PortkeyError('internal', `${name} holds no record`);
  const thread = messageIn(record, threadCore);
  const entry = thread === undefined ? undefined : messageIn(thread, rseqEntry);
  if (entry === undefined) return undefined;
  // rseq_entry {1: rseq_abi_pointer, 2: rseq_abi_size}
  const values = fields(entry);
  const [address, byteLength] = [values.get(1) ?? 0, values.get(2) ?? 0];
  return address === 0 ? undefined : { address, byteLength };
}

function messageIn(message: Uint8Array, field: number): Uint8Array | undefined {
  const reader = new protobuf.Reader(message);
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag === field * 8 + 2) return reader.bytes();
    reader.skipType(tag & 7);
  }
  return undefined;
}
