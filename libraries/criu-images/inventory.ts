/**
 * `inventory.img` as CRIU's dump wants it of a parent (CRIU: images/inventory.proto, criu/image.c).
 *
 * CRIU compares `dump_uptime` with the start time of each task: a task that started later than its parent image
 * was taken has a reused pid, and its pages are dumped whole. So it must be later than the start of every task
 * that the parent covers.
 */
import protobuf from 'protobufjs/minimal.js';

import { encodeImage, magic } from './image-file.js';

/** CRTOOLS_IMAGES_V1_1 */
const imageVersion = 2;

/** `uptimeSeconds` as /proc/uptime has it. */
export function encodeInventory(uptimeSeconds: number): Buffer {
  const record = new protobuf.Writer()
    .uint32(8)
    .uint32(imageVersion)
    .uint32(16)
    .bool(true) // fdinfo_per_id
    .uint32(64)
    .uint64(Math.floor(uptimeSeconds * 1e6)) // dump_uptime
    .finish();
  return encodeImage([magic.inventory], [record]);
}
