/**
 * What a VM that floods its relay costs the migration of another VM: npm run test:flood [-- --pairs N] [-- --floods a,b]
 *
 * A line for each flood, medians of N pairs (7), see flood-bench.ts. Ends with 1 where a flood misses one of its bars (bars.ts), and
 * with 2 where an argument is wrong. Limits: on a machine that does other things as well, the figures are of those, too.
 */
import { parseArgs } from 'node:util';

import { argumentsOrExit, someOf, wholeNumber } from '../../../libraries/fuzzing/index.js';
import { verdictOf } from './bars.js';
import { FloodBench } from './flood-bench.js';
import { floodNames } from './floods.js';

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
    const { isMet, text } = verdictOf(name, await bench.measure(name, pairs));
    console.log(text);
    if (!isMet) process.exitCode = 1;
  }
} finally {
  await bench.stop();
}
