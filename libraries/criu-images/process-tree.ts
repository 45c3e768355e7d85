/**
 * `pstree.img`: the processes of a dump and their threads (CRIU: images/pstree.proto), all by their pids in the container.
 */
import protobuf from 'protobufjs/minimal.js';

import { decodeImage, magic } from './image-file.js';

export interface TreeProcess {
  readonly pid: number;
  /** Its own number among them. */
  readonly threads: readonly number[];
}

const magics = [magic.common, magic.pstree];

/** pstree_entry {1: pid, 5: threads, one field each}. */
export function decodeProcessTree(name: string, content: Buffer): TreeProcess[] {
  return decodeImage(name, content, magics).map((record) => {
    const reader = new protobuf.Reader(record);
    const threads: number[] = [];
    let pid = 0;
    while (reader.pos < reader.len) {
      const tag = reader.uint32();
      if (tag === 8) pid = reader.uint32();
      else if (tag === 40) threads.push(reader.uint32());
      else reader.skipType(tag & 7);
    }
    return { pid, threads };
  });
}
