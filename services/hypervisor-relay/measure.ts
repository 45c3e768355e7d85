/**
 * Prints what a GiB costs the relays, beside the floor: node build/services/hypervisor-relay/measure.js [PASSES] [FOLDER] [ROWS]
 *
 * Two real relays on loopback, RAM and landing in FOLDER (/dev/shm), a scripted guest in this process; in one row both
 * VMs are the same relay's, whose CPU stands under source. Each pass of a
 * row is one migration: a session of its own, 1 GiB of RAM sent once, into files that did not exist. CPU seconds are
 * those of the two relay processes, all threads, opening and ending of the session included, removing its files not.
 * The rows take turns, PASSES times (5) after one that is not counted; a row's figures are its medians, "both" with
 * the least and most. ROWS, such as
 * zero,contiguous, leaves out all but the floor and what has one of these in its name. The floor is testbed/yardstick's: the same RAM file by `sendfile` into a fresh file in FOLDER.
 *
 * On a machine that is a VM itself, memory that was free for a while is its host's again, and the next touch of it
 * costs several times as much. So before each pass as much memory as it needs is written and freed. Limits: what
 * else runs on the machine takes its caches; only rows of one run compare.
 */
import { openSync, closeSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

import { Batcher, parseBatchPolicy, RunList, type HypercallClient } from '../../libraries/hypercall/index.js';
import { PAGE_BYTES } from '../../libraries/units/index.js';
import { floorOf, type Passage } from './testing/floor.js';
import { greet } from './testing/scripted-guest.js';
import { highRamAddress, lowRamBytes } from './testing/scripted-qemu.js';
import { TwoHosts } from './testing/two-hosts.js';

const [passText = '5', folder = '/dev/shm', wanted = ''] = process.argv.slice(2);
const passes = Number(passText);
const MiB = 2 ** 20;
const GiB = 2 ** 30;
const pages = GiB / PAGE_BYTES;
const firstPfn = highRamAddress / PAGE_BYTES;
/** Behind the pages with content: so many zero pages, and so many that begin with zeroes. */
const quarter = pages / 4;
const ramBytes = lowRamBytes + GiB * 1.5;

interface Row {
  readonly name: string;
  readonly pass: () => Promise<Passage & { hypercalls: number }>;
  readonly taken: (Passage & { hypercalls: number })[];
}

function contiguous(count = pages): RunList {
  const runs = new RunList();
  runs.push(firstPfn, count, 0);
  return runs;
}

/** Every page a run of its own; at the destination they are neighbours, as a task's pages mostly are. */
function fragmented(count = pages): RunList {
  const runs = new RunList(count);
  for (let page = 0; page < count; page += 1) runs.push(firstPfn + ((page * 7919) % count), 1, page);
  return runs;
}

/** A quarter of a GiB four times, as different pages of the object. */
function fourTimes(pfn: number): RunList {
  const runs = new RunList();
  for (let time = 0; time < 4; time += 1) runs.push(pfn, quarter, time * quarter);
  return runs;
}

class Bench {
  private migrations = 0;

  constructor(
    private readonly hosts: TwoHosts,
    private readonly guest: HypercallClient,
  ) {}

  /** All of guest RAM: a GiB that is zero nowhere, the zero pages, and those that only end with something. */
  fill(): void {
    const bytes = Buffer.alloc(MiB);
    const zeroes = Buffer.alloc(MiB);
    const endings = Buffer.alloc(MiB);
    for (let at = PAGE_BYTES - 1; at < MiB; at += PAGE_BYTES) endings[at] = 1;
    for (let at = 0; at < lowRamBytes; at += MiB) this.hosts.vmA.write(at, zeroes);
    for (let at = 0; at < GiB * 1.5; at += MiB) {
      for (let place = 0; place < MiB; place += 8) bytes.writeDoubleLE(at + place + 1, place);
      const content = at < GiB ? bytes : at < GiB * 1.25 ? zeroes : endings;
      this.hosts.vmA.write(highRamAddress + at, content);
    }
  }

  async floor(): Promise<Passage & { hypercalls: number }> {
    const { ramFile } = this.hosts.vmA.config;
    const to = join(this.hosts.vmB.folder, 'floor');
    return { ...(await floorOf(ramFile, to, ramBytes)), hypercalls: 0 };
  }

  async migration(runs: RunList, batch = 'adaptive'): Promise<Passage & { hypercalls: number }> {
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
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function print({ name, taken }: Row, floorPerGib: number): void {
  const of = (figure: (passage: Row['taken'][number]) => number): number[] =>
    taken.map((passage) => (figure(passage) * GiB) / passage.bytes);
  const both = of(({ sourceSeconds, destinationSeconds }) => sourceSeconds + destinationSeconds);
  const figure = (value: number, width: number): string => value.toFixed(2).padStart(width);
  process.stdout.write(
    [
      name.padEnd(24),
      String(median(taken.map(({ hypercalls }) => hypercalls))).padStart(10),
      figure(median(of(({ sourceSeconds }) => sourceSeconds)), 12),
      figure(median(of(({ destinationSeconds }) => destinationSeconds)), 11),
      figure(median(both), 9),
      `(${figure(Math.min(...both), 4)}…${figure(Math.max(...both), 4)})`,
      figure(median(both) / floorPerGib, 7),
      figure(1 / median(of(({ seconds }) => seconds)), 7),
    ].join(' ') + '\n',
  );
}

async function start(place: Promise<TwoHosts>): Promise<Bench> {
  const hosts = await place;
  places.push(hosts);
  const { client } = await greet(hosts.vmA);
  const bench = new Bench(hosts, client);
  bench.fill();
  return bench;
}

const places: TwoHosts[] = [];
const options = { highRamBytes: ramBytes - lowRamBytes, within: folder };
try {
  const bench = await start(TwoHosts.start(options));
  const oneHost = await start(TwoHosts.startOnOneHost(options));
  const row = (name: string, pass: Row['pass']): Row => ({ name, pass, taken: [] });
  const floor = row('floor', () => bench.floor());
  const rows = [
    floor,
    row('contiguous', () => bench.migration(contiguous())),
    row('every page a run', () => bench.migration(fragmented())),
    row('contiguous, same host', () => oneHost.migration(contiguous())),
    row('every page, same host', () => oneHost.migration(fragmented())),
    row('zero', () => bench.migration(fourTimes(firstPfn + pages))),
    row('zero but for the end', () => bench.migration(fourTimes(firstPfn + pages + quarter))),
    row('contiguous, fixed:16', () => bench.migration(contiguous(pages / 8), 'fixed:16')),
    row('every page a hypercall', () => bench.migration(fragmented(pages / 32), 'fixed:1')),
  ];
  const chosen = rows.filter(
    ({ name }) => name === 'floor' || wanted.split(',').some((part) => name.includes(part)),
  );
  const session = row('one page in all', () => bench.migration(contiguous(1)));
  for (let pass = 0; pass <= passes; pass += 1) {
    for (const { pass: run, taken } of [...chosen, session]) {
      bench.touchMemory();
      const passage = await run();
      if (pass > 0) taken.push(passage);
    }
  }
  const floorPerGib = median(
    floor.taken.map((p) => ((p.sourceSeconds + p.destinationSeconds) * GiB) / p.bytes),
  );
  process.stdout.write(
    'CPU s/GiB, medians       hypercalls       source destination      both (least…most) × floor   GiB/s\n',
  );
  for (const one of chosen) print(one, floorPerGib);
  const milliseconds = (figure: (passage: Passage) => number): string =>
    `${(median(session.taken.map(figure)) * 1000).toFixed(0)} ms`;
  process.stdout.write(
    `a migration of one page: ${milliseconds((passage) => passage.sourceSeconds)} at the source, ` +
      `${milliseconds((passage) => passage.destinationSeconds)} at the destination\n`,
  );
} finally {
  for (const hosts of places) await hosts.stop();
}
