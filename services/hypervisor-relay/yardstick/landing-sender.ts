/**
 * The sending half of the landing experiment: node landing-sender.js CONFIG, which is JSON as below.
 *
 * Sends a file's pages, as if it were a VM's RAM, through the relay's own sender to the landing at `peer`, in batches as
 * large as a SEND may be, and prints what that took.
 */
import { closeSync, fstatSync, openSync } from 'node:fs';
import path from 'node:path';

import { z } from 'zod';

import { maxPagesPerSend, RunList } from '../../../libraries/hypercall/index.js';
import { mapFile, openTcpSocket, WakeUp } from '../../../libraries/libc/index.js';
import { systemClock } from '../../../libraries/process/index.js';
import { PAGE_BYTES } from '../../../libraries/units/index.js';
import { Backlog } from '../stream/backlog.js';
import { Counters } from '../stream/counters.js';
import { Idleness } from '../stream/idleness.js';
import type { SenderCommand } from '../stream/sender-messages.js';
import { Sender } from '../stream/sender.js';
import { ShutDownFlag } from '../stream/shut-down-flag.js';
import { TokenBucket } from '../stream/token-bucket.js';
import { printLine, stopwatch, yardstickMigration } from './program.js';

const config = z
  .object({
    peer: z.object({ address: z.ipv4(), port: z.number() }),
    token: z.hex(),
    file: z.string(),
    /** Where its first page stands in the object. */
    firstPage: z.number(),
    object: z.string(),
    /** Not there, so that no images follow the pages. */
    images: z.string(),
  })
  .parse(JSON.parse(process.argv[2] ?? '{}'));

const fd = openSync(config.file, 'r');
const byteLength = fstatSync(fd).size;
const ram = mapFile(fd, byteLength, config.file);
const socketFd = openTcpSocket();
const wakeUp = new WakeUp();
try {
  const commands = commandsFor(byteLength / PAGE_BYTES);
  const figures = stopwatch();
  const start = {
    destination: {
      type: 'relay',
      socketFd,
      peer: config.peer,
      host: '',
      security: 'insecure',
      token: Buffer.from(config.token, 'hex'),
      migrationId: yardstickMigration,
      stream: 0,
      streamCount: 1,
    },
    wakeUpFd: wakeUp.fd,
    ram: { fd, address: Number(ram.address), sections: [{ guestAddress: 0, byteLength, fileOffset: 0 }] },
    bytesPerSecond: 0,
    backlog: new Backlog().shared,
    shared: {
      counters: new Counters().shared,
      tokenBucket: new TokenBucket(0).shared,
      idleness: new Idleness().shared,
      shutDown: new ShutDownFlag().shared,
    },
  } as const;
  const parts = { clock: systemClock, nextCommand: () => commands.shift(), report: () => undefined };
  new Sender(start, parts).run();
  printLine(figures());
} finally {
  ram.close();
  wakeUp.close();
  for (const open of [socketFd, fd]) closeSync(open);
}

/** Every page once. */
function commandsFor(pageCount: number): SenderCommand[] {
  const object = 1;
  const commands: SenderCommand[] = [{ type: 'object', object, name: config.object }];
  for (let page = 0; page < pageCount; page += maxPagesPerSend) {
    const runs = new RunList(1);
    runs.push(page, Math.min(maxPagesPerSend, pageCount - page), config.firstPage + page);
    commands.push({ type: 'batch', object, runs: runs.bytes(), ticket: page });
  }
  const folder = { root: path.dirname(config.images), name: path.basename(config.images) };
  return [...commands, { type: 'close', object }, { type: 'images', folder, below: 'images' }];
}
