/**
 * Prints what a SIMULATION of the control loop makes of a GiB and of a small round on several links, beside the best
 * fixed batch: node build/libraries/hypercall/simulation/table.js
 */
import { AdaptiveBatch } from '../adaptive-batch.js';
import { bestFixed, sum } from './best-fixed.js';
import { costSeconds, type RoundOutcome, type Scenario } from './scenario.js';
import { simulate } from './simulate.js';

const mbit = 1e6 / 8;
const links = [10, 100, 1_000, 10_000, 40_000];
const hypercalls = [20, 200, 5_000];
const sizes = [
  { name: '1 GiB, runs of 2 MiB', pages: 262_144, runPages: 512 },
  { name: '1 GiB, runs of 16 KiB', pages: 262_144, runPages: 4 },
  { name: '10 MiB, single pages', pages: 2_560, runPages: 1 },
];
const scans = [0, 0.1, 3];

function scenarioOf(
  linkMbit: number,
  hypercallUs: number,
  scanUsPerPage: number,
  size: (typeof sizes)[number],
): Scenario {
  return {
    guest: { hypercallUs, completionUs: hypercallUs / 2, scanUsPerPage },
    link: { bytesPerSecond: linkMbit * mbit, roundTripUs: 300, relayUs: 50 },
    rounds: [{ pages: size.pages, runPages: size.runPages, windowPages: 512, announced: true }],
  };
}

const figures = (total: RoundOutcome): string =>
  [
    total.seconds.toFixed(3).padStart(9),
    String(total.sends).padStart(7),
    String(total.completions).padStart(6),
  ].join(' ');

process.stdout.write(
  'SIMULATED: no VM, no real time. Cost: seconds and the guest CPU seconds of hypercalls, adaptive ÷ best fixed.\n',
);
for (const size of sizes) {
  process.stdout.write(
    `\n${size.name}\nlink Mbit/s  hypercall  scan/page   adaptive s   SENDs COMPL.  best fixed         s   SENDs COMPL.   cost\n`,
  );
  for (const linkMbit of links) {
    for (const hypercallUs of hypercalls) {
      for (const scanUs of scans) {
        const scenario = scenarioOf(linkMbit, hypercallUs, scanUs, size);
        const adaptive = sum((await simulate(scenario, new AdaptiveBatch())).rounds);
        const best = await bestFixed(scenario);
        process.stdout.write(
          [
            String(linkMbit).padStart(11),
            `${hypercallUs} µs`.padStart(10),
            `${scanUs} µs`.padStart(10),
            `   ${figures(adaptive)}`,
            `fixed:${best.pages}`.padStart(12),
            figures(best.total),
            (costSeconds(adaptive) / best.costSeconds).toFixed(3).padStart(6),
          ].join(' ') + '\n',
        );
      }
    }
  }
}
