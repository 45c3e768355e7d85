/**
 * The receiving half of the landing experiment: node landing-receiver.js CONFIG, which is JSON as below.
 *
 * Prints {"port"}, takes the one stream that has the token, by the relay's own code, and prints what that took this
 * process. Node's start and the question for the VM's RAM map are not in it: a relay has both behind it.
 */
import { closeSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';

import { z } from 'zod';

import { listenTcp, mapFileForWriting } from '../../../libraries/libc/index.js';
import { systemClock } from '../../../libraries/process/index.js';
import { readRamMap } from '../qemu/machine.js';
import type { RamMap } from '../ram/ram-map.js';
import type { AdmissionParts } from '../stream/admission.js';
import { Counters } from '../stream/counters.js';
import { landingQuota } from '../stream/landing-quota.js';
import { Receiver } from '../stream/receiver.js';
import { WriteTurns } from '../stream/write-turns.js';
import { CopiedContent, MappedContent } from './frame-content.js';
import { GrantedFrames } from './granted-frames.js';
import { receiveIntoFrames } from './granted-receiver.js';
import { printLine, stopwatch, vmSchema, yardstickMigration } from './program.js';

/** In files of this folder, as the relay does. */
const shareSchema = z.object({ folder: z.string() });
/** In the frames of a guest's pages. */
const grantSchema = z.object({
  vm: vmSchema,
  /** What the guest has read of its page table. */
  pagemap: z.string(),
  /** Which page of the object is the first of the grant. */
  firstPage: z.number(),
  content: z.enum(['copied', 'mapped']),
});
const configSchema = z.object({
  address: z.ipv4(),
  token: z.hex(),
  landing: z.union([grantSchema, shareSchema]),
});

/** More than any experiment lands. */
const yardstickBytes = 2 ** 40;

type Land = (admission: AdmissionParts) => void;

const { address, token, landing } = configSchema.parse(JSON.parse(process.argv[2] ?? '{}'));
const land: Land = 'vm' in landing ? intoGrant(landing, await ramMapOf(landing.vm)) : onShare(landing.folder);
const { fd: listenerFd, port } = listenTcp(address);
try {
  printLine({ port });
  const figures = stopwatch();
  const migrationId = yardstickMigration;
  land({
    ...{ listenerFd, token: Buffer.from(token, 'hex'), migrationId, sourceHost: '', security: 'insecure' },
    ...{ clock: systemClock, onTurnedAway: () => undefined },
  });
  printLine(figures());
} finally {
  closeSync(listenerFd);
}

function onShare(folder: string): Land {
  return ({ clock, security, ...way }) => {
    const quota = landingQuota(yardstickBytes);
    const shared = { quota, counters: new Counters().shared, writeTurns: new WriteTurns().shared };
    const start = {
      way,
      security,
      folder: { root: path.dirname(folder), name: path.basename(folder) },
      ...shared,
    };
    new Receiver(start, { clock, report: () => undefined }).run();
  };
}

function intoGrant({ vm, pagemap, firstPage, content }: z.infer<typeof grantSchema>, map: RamMap): Land {
  return (admission) => {
    const frames = new GrantedFrames(readFileSync(pagemap), map);
    const ramFd = openSync(vm.ramFile, 'r+');
    const ram = content === 'mapped' ? mapFileForWriting(ramFd, map.fileBytes, vm.ramFile) : undefined;
    try {
      const into = ram === undefined ? new CopiedContent(frames, ramFd) : new MappedContent(frames, ram);
      receiveIntoFrames(admission, firstPage, into);
    } finally {
      ram?.close();
      closeSync(ramFd);
    }
  };
}

function ramMapOf({ name, qmpSocket, ramFile }: z.infer<typeof vmSchema>): Promise<RamMap> {
  return readRamMap(name, qmpSocket, ramFile);
}
