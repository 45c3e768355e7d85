/**
 * What the project is for: containers that people run move from VM to VM and back, in both modes, while a client
 * outside keeps one connection to them.
 *
 * There in CRIU mode and back in Portkey's; with ROUND_TRIPS that often there and back in each (`npm run test:round-trips`
 * makes it 3). Redis, whose CPU is compared, comes last: agents that have just started are slow.
 */
import assert from 'node:assert/strict';

import { inGuest, migrate, portkeyJson, type MigrationReport } from './support/portkey.js';
import { taskTable } from './support/tasks.js';
import { withTestbed } from './support/fixture.js';
import { memcached, nginx, redis, threadedPython, type Workload } from './support/workloads.js';

type Mode = 'criu' | 'portkey';
type Leg = readonly [from: string, to: string, mode: Mode];

const there = (mode: Mode): Leg => ['vm-a', 'vm-b', mode];
const back = (mode: Mode): Leg => ['vm-b', 'vm-a', mode];
const roundTrips = Number(process.env['ROUND_TRIPS'] ?? '0');
const legs: readonly Leg[] =
  roundTrips === 0
    ? [there('criu'), back('portkey')]
    : Array.from({ length: roundTrips }, () => [
        ...[there('criu'), back('criu')],
        ...[there('portkey'), back('portkey')],
      ]).flat();

describe('a migration between two VMs', function () {
  this.timeout(120_000);
  withTestbed();

  for (const workload of [memcached(), nginx(), threadedPython(), redis('96M')]) {
    describe(`of ${workload.name}`, () => {
      const isCompared = workload.name === 'redis';
      const reports: MigrationReport[] = [];
      before(() => workload.start('vm-a'));
      after(() => workload.stop());

      for (const [from, to, mode] of legs) {
        it(`goes from ${from} to ${to} in ${mode} mode`, async () => {
          reports.push(await move(workload, from, to, mode));
        });
      }

      it('leaves nothing of the migrations in either VM', async () => {
        for (const vm of ['vm-a', 'vm-b']) assert.equal(await inGuest(vm, leftovers), '');
      });

      // Only the 96 MiB of Redis stand out of the noise.
      if (isCompared) it('costs less CPU in portkey mode', () => cheaperInPortkeyMode(reports));
    });
  }
});

/** Files and processes that a migration makes in a guest and takes away again. */
const leftovers =
  'ls -d /run/portkey/departures/* /run/portkey/arrivals/* /run/portkey/images/* ' +
  '/mnt/portkey/landing/* /mnt/portkey/outgoing/* 2>/dev/null; pgrep -l criu; true';

async function move(workload: Workload, from: string, to: string, mode: string): Promise<MigrationReport> {
  const before = await taskTable(from, workload.name);
  const report = await migrate(workload.name, to, mode);
  assert.equal(report.outcome, 'completed', JSON.stringify(report.error));
  assert.equal(report.mode, mode);
  assert.equal(await taskTable(to, workload.name), before, 'pids and thread counts');
  assert.deepEqual(await placesOf(workload.name), [to]);
  if (report.verified === null) await workload.check();
  else assert.deepEqual([report.verified, report.connectionKept], [true, true]);
  assertFinalDumpIsSmall(report);
  return report;
}

/**
 * What the kernel makes dirty at once when it puts a huge page over a task's pages, frozen or not. That is seldom, and CRIU
 * then dumps them again.
 */
const hugePagePages = 512;

/** In Portkey mode all but a trifle has gone by hypercall before CRIU's dump, and all of it arrived. */
function assertFinalDumpIsSmall({ mode, finalDump, landed, pagesSent }: MigrationReport): void {
  assert.ok(finalDump);
  if (mode !== 'portkey') return;
  const pageCount = finalDump.criuPages + finalDump.parentPages;
  assert.ok(
    finalDump.criuPages < 0.02 * pageCount + hugePagePages,
    `CRIU wrote ${finalDump.criuPages} of ${pageCount} pages`,
  );
  assert.equal(landed?.pages, pagesSent, 'the destination relay received every page sent');
}

async function placesOf(name: string): Promise<string[]> {
  const rows = await portkeyJson<{ name: string; vm: string; state: string }[]>('ps');
  return rows.filter((row) => row.name === name && row.state === 'running').map((row) => row.vm);
}

type CpuOf = (report: MigrationReport) => number;

/** The transfer alone, and the whole migration: what one saves in the transfer must not come back in the restore. */
const costs: readonly (readonly [what: string, of: CpuOf])[] = [
  ['source, transfer', ({ cpuSeconds }) => cpuSeconds.source.transfer],
  ['source, total', ({ cpuSeconds }) => cpuSeconds.source.total],
  ['destination, transfer', ({ cpuSeconds }) => cpuSeconds.destination.transfer],
  ['destination, total', ({ cpuSeconds }) => cpuSeconds.destination.total],
];

function cheaperInPortkeyMode(reports: readonly MigrationReport[]): void {
  const dearer: string[] = [];
  for (const [what, of] of costs) {
    const criu = sum(reports, 'criu', of);
    const portkey = sum(reports, 'portkey', of);
    const line = `${what}: criu ${criu.toFixed(2)} s, portkey ${portkey.toFixed(2)} s of CPU`;
    console.log(`      ${line}`);
    if (!(portkey < criu)) dearer.push(line);
  }
  assert.deepEqual(dearer, [], 'portkey mode takes less CPU in all of these');
}

function sum(reports: readonly MigrationReport[], mode: string, of: CpuOf): number {
  return reports
    .filter((report) => report.mode === mode)
    .reduce((seconds, report) => seconds + of(report), 0);
}
