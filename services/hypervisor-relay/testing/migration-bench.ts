/**
 * For measure.js: two relays, a scripted guest in this process, and migrations of a GiB of RAM that is filled once.
 */
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

import {
  Batcher,
  parseBatchPolicy,
  RunList,
  type HypercallClient,
} from '../../../libraries/hypercall/index.js';
import { PAGE_BYTES } from '../../../libraries/units/index.js';
import { floorOf, type Passage } from './floor.js';
import { greet } from './scripted-guest.js';
import { highRamAddress, lowRamBytes } from './scripted-qemu.js';
import type { TwoHosts } from './two-hosts.js';

const MiB = 2 ** 20;
export const GiB = 2 ** 30;
export const pagesOfGib = GiB / PAGE_BYTES;
const firstPfn = highRamAddress / PAGE_BYTES;
/** Behind the pages with content: so many zero pages, and so many that begin with zeroes. */
const quarter = pagesOfGib / 4;
export const highRamBytes = GiB * 1.5;
const ramBytes = lowRamBytes + highRamBytes;

export interface CountedPassage extends Passage {
  readonly hypercalls: number;
}

/** One run. */
export function contiguous(count = pagesOfGib): RunList {
  const runs = new RunList();
  runs.push(firstPfn, count, 0);
  return runs;
}

/** Every page a run of its own; at the destination they are neighbours, as a task's pages mostly are. */
export function fragmented(count = pagesOfGib): RunList {
  const runs = new RunList(count);
  for (let page = 0; page < count; page += 1) runs.push(firstPfn + ((page * 7919) % count), 1, page);
  return runs;
}

/** Zero pages, as many as a GiB has: a quarter of it four times, as different pages of the object. */
export function zero(): RunList {
  return fourTimes(firstPfn + pagesOfGib);
}

export function zeroButForTheEnd(): RunList {
  return fourTimes(firstPfn + pagesOfGib + quarter);
}

function fourTimes(pfn: number): RunList {
  const runs = new RunList();
  for (let time = 0; time < 4; time += 1) runs.push(pfn, quarter, time * quarter);
  return runs;
}

export class MigrationBench {
  private migrations = 0;

  private constructor(
    private readonly hosts: TwoHosts,
    private readonly guest: HypercallClient,
  ) {}

  /** The hosts stay the caller's to stop. */
  static async on(hosts: TwoHosts): Promise<MigrationBench> {
    const { client } = await greet(hosts.vmA);
    const bench = new MigrationBench(hosts, client);
    bench.fill();
    return bench;
  }

  async floor(): Promise<CountedPassage> {
    const { ramFile } = this.hosts.vmA.config;
    const to = join(this.hosts.vmB.folder, 'floor');
    return { ...(await floorOf(ramFile, to, ramBytes)), hypercalls: 0 };
  }

  async migration(runs: RunList, batch = 'adaptive'): Promise<CountedPassage> {
    const { hosts, guest } = this;
    const migrationId = `m-${(this.migrations += 1)}`;
    const before = { a: hosts.relayA.cpuSeconds, b: hosts.relayB.cpuSeconds, ms: performance.now() };
    await hosts.open(migrationId);
    const object = await guest.open(migrationId, 'memory/pages-1.img');
    const batcher = new Batcher({
      policy: parseBatchPolicy(batch),
      send: (list) => guest.send(object, list),
      hypercallSeconds: () => guest.hypercallSeconds,
      transferPages: runs.pageCount,
    });
    await batcher.add(runs);
    await batcher.finish();
    await guest.closeObject(object);
    await hosts.seal(migrationId);
    const passage = {
      bytes: runs.pageCount * PAGE_BYTES,
      sourceSeconds: hosts.relayA.cpuSeconds - before.a,
      destinationSeconds: hosts.isOneHost ? 0 : hosts.relayB.cpuSeconds - before.b,
      seconds: (performance.now() - before.ms) / 1000,
      hypercalls: batcher.sends,
    };
    await hosts.close(migrationId);
    return passage;
  }

  /** Memory that the machine has at hand when the next pass takes it. */
  touchMemory(): void {
    const file = join(this.hosts.vmB.folder, 'touched');
    const bytes = Buffer.alloc(MiB, 1);
    const fd = openSync(file, 'w');
    try {
      for (let at = 0; at < ramBytes; at += MiB) writeSync(fd, bytes, 0, MiB, at);
    } finally {
      closeSync(fd);
      rmSync(file);
    }
  }

  /** All of guest RAM: a GiB that is zero nowhere, the zero pages, and those that only end with something. */
  private fill(): void {
    const bytes = Buffer.alloc(MiB);
    const zeroes = Buffer.alloc(MiB);
    const endings = Buffer.alloc(MiB);
    for (let at = PAGE_BYTES - 1; at < MiB; at += PAGE_BYTES) endings[at] = 1;
    for (let at = 0; at < lowRamBytes; at += MiB) this.hosts.vmA.write(at, zeroes);
    for (let at = 0; at < highRamBytes; at += MiB) {
      for (let place = 0; place < MiB; place += 8) bytes.writeDoubleLE(at + place + 1, place);
      const content = at < GiB ? bytes : at < GiB * 1.25 ? zeroes : endings;
      this.hosts.vmA.write(highRamAddress + at, content);
    }
  }
}
