/** Two copies that run at once are found in the notes of two VMs, and a copy that hands over to the other is none. */
import assert from 'node:assert/strict';

import { longestSilence, momentsTogether, samplesFrom, type Sample } from '../faults/copy-sampler.js';

/** A sample each second from `from` on: 'R' runs, '.' does not. */
const samples = (from: number, text: string): Sample[] =>
  Array.from(text).map((letter, index) => ({ atSeconds: from + index, isRunning: letter === 'R' }));

describe('the notes of two VMs on which copies run', () => {
  it('show a copy that runs while the other runs', () => {
    assert.deepEqual(momentsTogether(samples(0.3, 'RRRR....'), samples(0, '...RRRRR')), []);
    assert.deepEqual(momentsTogether(samples(0.25, 'RRRRR...'), samples(0, '...RRRRR')), [3, 4.25]);
    assert.deepEqual(momentsTogether(samples(0, '...RRRRR'), samples(0.25, 'RRRRR...')), [3, 4.25]);
    assert.deepEqual(momentsTogether(samples(0, 'RRRRRRRR'), samples(0, '...RRR..')), [3, 4, 4, 5]);
  });

  it('show one that was seen once, too', () => {
    assert.deepEqual(momentsTogether(samples(0, '...R....'), samples(0.5, 'RRRRRRRR')), [3]);
  });

  it('show none where one hands over to the other within a second, there or back', () => {
    assert.deepEqual(momentsTogether(samples(0, 'RRR.....'), samples(0.4, '..RRRRRR')), []);
    assert.deepEqual(momentsTogether(samples(0, 'RR....RR'), samples(0.3, '..RRRR..')), []);
  });

  it('say nothing of the time in which nobody noted anything', () => {
    const silent = [...samples(0, 'RR'), ...samples(20, 'RR')];
    assert.deepEqual(momentsTogether(silent, samples(5, 'RRRRR')), []);
    assert.equal(longestSilence(silent, -1, 22), 19);
    assert.equal(longestSilence([], 3, 10), 7);
  });

  it("are put on this machine's clock by what the VM's uptime is now", () => {
    assert.deepEqual(samplesFrom('50.25\n48.25 running\n49.25 still\n50.00 none\n', 1000), [
      { atSeconds: 998, isRunning: true },
      { atSeconds: 999, isRunning: false },
      { atSeconds: 999.75, isRunning: false },
    ]);
  });
});
