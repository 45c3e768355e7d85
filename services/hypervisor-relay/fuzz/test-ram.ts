/** RAM of a VM for fuzzing: a real file, mapped as the relay maps it, in two sections with a hole between them. */
import { closeSync, openSync, truncateSync, writeFileSync, writeSync } from 'node:fs';

import { nonceBytes } from '../../../libraries/hypercall/index.js';
import { GuestRam } from '../ram/guest-ram.js';
import { RamMap } from '../ram/ram-map.js';
import type { RamOfTest } from './conversation-target.js';

const mebibyte = 2 ** 20;
const highAddress = 4 * 2 ** 30;

export function openTestRam(file: string): RamOfTest & { close(): void } {
  const nonce = Buffer.alloc(nonceBytes, 0x5a);
  const nonceAddress = highAddress + 4096;
  const map = new RamMap([
    { guestAddress: 0, byteLength: mebibyte, fileOffset: 0 },
    { guestAddress: highAddress, byteLength: mebibyte, fileOffset: mebibyte },
  ]);
  writeFileSync(file, '');
  truncateSync(file, 2 * mebibyte);
  const fd = openSync(file, 'r+');
  writeSync(fd, nonce, 0, nonce.length, mebibyte + 4096);
  closeSync(fd);
  const ram = GuestRam.open('vm-a', file, map);
  return { ram, nonce, nonceAddress, close: () => ram.release() };
}
