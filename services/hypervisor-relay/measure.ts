/**
 * Prints what a GiB costs the relays: node build/services/hypervisor-relay/measure.js
 *
 * Two real relays on loopback, RAM and landing on tmpfs, a scripted guest in this process. Each row sends the same
 * 128 MiB eight times over one stream; the CPU seconds are those of the two relay processes, all threads.
 */
import { Batcher, parseBatchPolicy, RunList, type HypercallClient } from '../../libraries/hypercall/index.js';
import { PAGE_BYTES } from '../../libraries/units/index.js';
import { greet } from './testing/scripted-guest.js';
import { highRamAddress } from './testing/scripted-qemu.js';
import { TwoHosts } from './testing/two-hosts.js';

const pages = 32_768;
const passes = 8;
const firstPfn = highRamAddress / PAGE_BYTES;

interface Row {
  readonly memory: string;
  readonly batch: string;
  readonly runs: RunList;
}

function contiguous(): RunList {
  const runs = new RunList();
  runs.push(firstPfn, pages, 0);
  return runs;
}

/** Every page a run of its own; at the destination they are neighbours, as a task's pages mostly are. */
function fragmented(): RunList {
  const runs = new RunList(pages);
  for (let page = 0; page < pages; page += 1) runs.push(firstPfn + ((page * 7919) % pages), 1, page);
  return runs;
}

async function measure(hosts: TwoHosts, guest: HypercallClient, { memory, batch, runs }: Row): Promise<void> {
  const migrationId = `${memory}-${batch.replace(':', '-')}`;
  await hosts.open(migrationId);
  const object = await guest.open(migrationId, 'memory/pages-1.img');
  const batcher = new Batcher({
    policy: parseBatchPolicy(batch),
    send: (list) => guest.send(object, list),
    hypercallSeconds: () => guest.hypercallSeconds,
    transferPages: passes * runs.pageCount,
  });
  const before = { a: hosts.relayA.cpuSeconds, b: hosts.relayB.cpuSeconds, ms: performance.now() };
  for (let pass = 0; pass < passes; pass += 1) await batcher.add(runs);
  await batcher.finish();
  const seconds = (performance.now() - before.ms) / 1000;
  const gib = (batcher.pages * PAGE_BYTES) / 2 ** 30;
  const perGib = (cpuSeconds: number): string => (cpuSeconds / gib).toFixed(2).padStart(11);
  process.stdout.write(
    [
      memory.padEnd(11),
      batch.padEnd(9),
      String(batcher.sends).padStart(10),
      perGib(hosts.relayA.cpuSeconds - before.a),
      perGib(hosts.relayB.cpuSeconds - before.b),
      (gib / seconds).toFixed(2).padStart(7),
    ].join(' ') + '\n',
  );
  await guest.closeObject(object);
  await hosts.close(migrationId);
}

/** What a migration without any pages costs: two threads, a connection, folders. */
async function measureSession(hosts: TwoHosts): Promise<void> {
  const before = { a: hosts.relayA.cpuSeconds, b: hosts.relayB.cpuSeconds };
  await hosts.open('empty');
  await hosts.close('empty');
  const milliseconds = (cpuSeconds: number): string => `${(cpuSeconds * 1000).toFixed(0)} ms`;
  process.stdout.write(
    `a session: ${milliseconds(hosts.relayA.cpuSeconds - before.a)} of CPU at the source, ` +
      `${milliseconds(hosts.relayB.cpuSeconds - before.b)} at the destination\n`,
  );
}

const hosts = await TwoHosts.start();
try {
  const { client } = await greet(hosts.vmA);
  const one = Buffer.alloc(PAGE_BYTES, 1);
  for (let page = 0; page < pages; page += 1) hosts.vmA.write((firstPfn + page) * PAGE_BYTES, one);
  process.stdout.write('memory      batch     hypercalls source s/GiB dest. s/GiB  GiB/s\n');
  await measure(hosts, client, { memory: 'contiguous', batch: 'adaptive', runs: contiguous() });
  await measure(hosts, client, { memory: 'fragmented', batch: 'adaptive', runs: fragmented() });
  await measure(hosts, client, { memory: 'contiguous', batch: 'fixed:16', runs: contiguous() });
  await measure(hosts, client, { memory: 'fragmented', batch: 'fixed:1', runs: fragmented() });
  await measureSession(hosts);
} finally {
  await hosts.stop();
}
