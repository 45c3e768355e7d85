import assert from 'node:assert/strict';

import { mostGrownBytes } from './bars.js';
import { FloodBench } from './flood-bench.js';

/** One without a bound takes all of one. */
const mostCores = 0.6;
/** On a machine that does much else; on one that does not, `npm run test:flood` says. */
const mostTimes = 3;

describe('a VM that floods its relay', function () {
  this.timeout(300_000);
  let bench: FloodBench | undefined;

  before(async () => (bench = await FloodBench.start(2)));
  after(async () => assert.deepEqual(await bench?.stop(), [0, 0]));

  for (const name of ['bad frame', 'unproved', 'opens', 'sends'] as const)
    it(`with ${name} has a bounded part of it, and another VM's migration goes on`, async () => {
      const figures = await bench?.measure(name, 2);
      assert.ok(figures !== undefined);
      assert.ok(figures.grownBytes <= mostGrownBytes, `${figures.grownBytes} bytes`);
      if (name === 'sends') return;
      assert.ok(figures.relayCores < mostCores, `${figures.relayCores} cores`);
      assert.ok(Math.min(...figures.ratios) < mostTimes, `${figures.ratios.join(', ')} times as long`);
    });
});
