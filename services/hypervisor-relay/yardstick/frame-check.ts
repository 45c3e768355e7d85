/**
 * Looks into a VM's RAM for what a program in the guest has read: node frame-check.js CONFIG, which is JSON as below.
 *
 * Compares each page that the guest's page table names with the same page of a file, all bytes of it, and prints
 * {"pages", "differing"}. A digest in the guest would say the same; an emulated guest takes a minute for it.
 */
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';

import { z } from 'zod';

import { PAGE_BYTES } from '../../../libraries/units/index.js';
import { readRamMap } from '../qemu/machine.js';
import { GrantedFrames } from './granted-frames.js';
import { printLine, vmSchema } from './program.js';

const config = z
  .object({ vm: vmSchema, pagemap: z.string(), file: z.string() })
  .parse(JSON.parse(process.argv[2] ?? '{}'));

const blockPages = 64;
const map = await readRamMap(config.vm.name, config.vm.qmpSocket, config.vm.ramFile);
const frames = new GrantedFrames(readFileSync(config.pagemap), map);
const [ramFd, fd] = [openSync(config.vm.ramFile, 'r'), openSync(config.file, 'r')];
try {
  const [found, expected] = [Buffer.alloc(blockPages * PAGE_BYTES), Buffer.alloc(blockPages * PAGE_BYTES)];
  let differing = 0;
  for (let page = 0; page < frames.pageCount; page += blockPages) {
    const count = Math.min(blockPages, frames.pageCount - page);
    const byteLength = count * PAGE_BYTES;
    let at = 0;
    frames.locate(page, count, (fileOffset, length) => {
      at += readSync(ramFd, found, at, length, fileOffset);
    });
    const expectedBytes = readSync(fd, expected, 0, byteLength, page * PAGE_BYTES);
    if (at !== byteLength || expectedBytes !== byteLength)
      throw new Error(`the RAM or ${config.file} is shorter than the pages that were read`);
    for (let place = 0; place < byteLength; place += PAGE_BYTES)
      if (found.compare(expected, place, place + PAGE_BYTES, place, place + PAGE_BYTES) !== 0) differing += 1;
  }
  printLine({ pages: frames.pageCount, differing });
} finally {
  for (const open of [ramFd, fd]) closeSync(open);
}
