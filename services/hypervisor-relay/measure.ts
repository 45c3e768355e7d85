/**
 * Prints what a GiB costs the relays, beside the floor: node build/services/hypervisor-relay/measure.js [PASSES] [FOLDER] [ROWS]
 *
 * Two real relays on loopback, RAM and landing in FOLDER (/dev/shm), a scripted guest in this process; in some rows both
 * VMs are the same relay's, whose CPU stands under source, in some a migration has two streams, and in those with TLS in
 * their name the relays have certificates; what TLS costs is what these take more than the row without. Each pass of a
 * row is one migration: a session of its own, 1 GiB of RAM sent once, into files that did not exist. CPU seconds are
 * those of the two relay processes, all threads, opening and ending of the session included, removing its files not.
 * The rows take turns, PASSES times (5) after one that is not counted; a row's figures are its medians, "both" with
 * the least and most. GiB/s is of a whole migration, its opening and ending included. ROWS, such as zero,contiguous,
 * leaves out all but the floor and what has one of these in its name. Below the rows it says which of the relays' bars
 * (testing/relay-bars.ts) are met. The floor is testbed/yardstick's: the same RAM
 * file by `sendfile` into a fresh file in FOLDER.
 *
 * On a machine that is a VM itself, memory that was free for a while is its host's again, and the next touch of it
 * costs several times as much. So before each pass as much memory as it needs is written and freed. Limits: what
 * else runs on the machine takes its caches; only rows of one run compare.
 */
import { median } from '../../libraries/statistics/index.js';
import type { Passage } from './testing/floor.js';
import {
  contiguous,
  fragmented,
  GiB,
  highRamBytes,
  MigrationBench,
  pagesOfGib,
  zero,
  zeroButForTheEnd,
  type CountedPassage,
} from './testing/migration-bench.js';
import { relayBarLines } from './testing/relay-bars.js';
import { TwoHosts } from './testing/two-hosts.js';

const [passText = '5', folder = '/dev/shm', wanted = ''] = process.argv.slice(2);
const passes = Number(passText);
const options = { highRamBytes, within: folder, insecure: true };
const places = {
  'two relays': () => TwoHosts.start(options),
  'one relay': () => TwoHosts.startOnOneHost(options),
  'two streams': () => TwoHosts.start({ ...options, streams: 2 }),
  TLS: () => TwoHosts.start({ ...options, insecure: false }),
} as const;
type Place = keyof typeof places;

interface Row {
  readonly name: string;
  readonly place: Place;
  readonly pass: (bench: MigrationBench) => Promise<CountedPassage>;
  readonly taken: CountedPassage[];
}

function row(name: string, pass: Row['pass'], place: Place = 'two relays'): Row {
  return { name, place, pass, taken: [] };
}

function perGib({ taken }: Row, figure: (passage: CountedPassage) => number): number[] {
  return taken.map((passage) => (figure(passage) * GiB) / passage.bytes);
}

function bothPerGib(row: Row): number[] {
  return perGib(row, ({ sourceSeconds, destinationSeconds }) => sourceSeconds + destinationSeconds);
}

function print(row: Row, floorPerGib: number): void {
  const { name, taken } = row;
  const of = (figure: (passage: CountedPassage) => number): number[] => perGib(row, figure);
  const both = bothPerGib(row);
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

const floor = row('floor', (bench) => bench.floor());
const rows = [
  floor,
  row('contiguous', (bench) => bench.migration(contiguous())),
  row('contiguous, 2 streams', (bench) => bench.migration(contiguous()), 'two streams'),
  row('contiguous, TLS', (bench) => bench.migration(contiguous()), 'TLS'),
  row('every page a run', (bench) => bench.migration(fragmented())),
  row('every page, 2 streams', (bench) => bench.migration(fragmented()), 'two streams'),
  row('every page, TLS', (bench) => bench.migration(fragmented()), 'TLS'),
  row('contiguous, same host', (bench) => bench.migration(contiguous()), 'one relay'),
  row('every page, same host', (bench) => bench.migration(fragmented()), 'one relay'),
  row('zero', (bench) => bench.migration(zero())),
  row('zero, TLS', (bench) => bench.migration(zero()), 'TLS'),
  row('zero but for the end', (bench) => bench.migration(zeroButForTheEnd())),
  row('contiguous, fixed:16', (bench) => bench.migration(contiguous(pagesOfGib / 8), 'fixed:16')),
  row('every page a hypercall', (bench) => bench.migration(fragmented(pagesOfGib / 32), 'fixed:1')),
];
const chosen = rows.filter(
  ({ name }) => name === 'floor' || wanted.split(',').some((part) => name.includes(part)),
);
const session = row('one page in all', (bench) => bench.migration(contiguous(1)));

const hosts: TwoHosts[] = [];
const benches = new Map<Place, MigrationBench>();
try {
  for (const place of new Set([...chosen, session].map(({ place }) => place))) {
    const started = await places[place]();
    hosts.push(started);
    benches.set(place, await MigrationBench.on(started));
  }
  for (let pass = 0; pass <= passes; pass += 1) {
    for (const { place, pass: run, taken } of [...chosen, session]) {
      const bench = benches.get(place);
      if (bench === undefined) throw new Error(`nothing was started for ${place}`);
      bench.touchMemory();
      const passage = await run(bench);
      if (pass > 0) taken.push(passage);
    }
  }
  const floorPerGib = median(bothPerGib(floor));
  process.stdout.write(
    'CPU s/GiB, medians       hypercalls       source destination      both (least…most) × floor   GiB/s\n',
  );
  for (const one of chosen) print(one, floorPerGib);
  const timesFloor = new Map(chosen.map((one) => [one.name, median(bothPerGib(one)) / floorPerGib]));
  for (const line of relayBarLines(timesFloor)) process.stdout.write(`${line}\n`);
  const milliseconds = (figure: (passage: Passage) => number): string =>
    `${(median(session.taken.map(figure)) * 1000).toFixed(0)} ms`;
  process.stdout.write(
    `a migration of one page: ${milliseconds((passage) => passage.sourceSeconds)} at the source, ` +
      `${milliseconds((passage) => passage.destinationSeconds)} at the destination\n`,
  );
} finally {
  for (const one of hosts) await one.stop();
}
