/**
 * What a VM that floods its relay costs the migration of another VM: npm run test:flood [-- --pairs N] [-- --floods a,b]
 *
 * A line for each flood, medians of N pairs (7), see flood-bench.ts. Ends with 1 where a migration takes more than 1.2 times
 * as long with a flood, other than one in a migration of the hostile VM's own: that takes what a migration takes;
 * and with 2 where an argument is wrong.
 * Limits: on a machine that does other things as well, the figures are of those, too.
 */
import { parseArgs } from 'node:util';

import { median } from '../../../libraries/statistics/index.js';
import { formatBytes } from '../../../libraries/units/index.js';
import { argumentsOrExit, someOf, wholeNumber } from '../testing/arguments.js';
import { FloodBench } from './flood-bench.js';
import { floodNames } from './floods.js';

const mostTimes = 1.2;
const fullSends = 12;
const mostPairs = 1_000;

const { pairs, floods } = argumentsOrExit(() => {
  const { values } = parseArgs({
    options: {
      pairs: { type: 'string', default: '7' },
      floods: { type: 'string', default: floodNames.join() },
    },
  });
  return {
    pairs: wholeNumber('--pairs', values.pairs, 1, mostPairs),
    floods: someOf('--floods', values.floods, floodNames),
  };
});
const bench = await FloodBench.start(fullSends);
try {
  for (const name of floods) {
    const figures = await bench.measure(name, pairs);
    const ratio = median(figures.ratios);
    const isMissed = name !== 'sends' && ratio > mostTimes;
    const bar =
      name === 'sends' ? 'a migration, too' : `at most ${mostTimes}: ${isMissed ? 'missed' : 'met'}`;
    const milliseconds = (seconds: number): string => `${Math.round(seconds * 1000)} ms`;
    console.log(
      `${name.padEnd(10)} migration ${milliseconds(figures.calmSeconds)} → ${milliseconds(figures.floodedSeconds)}, ` +
        `${ratio.toFixed(2)} × (${bar}); the flood takes ${figures.relayCores.toFixed(2)} cores of the relay, ` +
        `its memory grew by ${formatBytes(Math.max(0, figures.grownBytes))}`,
    );
    if (isMissed) process.exitCode = 1;
  }
} finally {
  await bench.stop();
}
