import assert from 'node:assert/strict';

import { relayBarLines } from './relay-bars.js';

describe("the relays' bars", () => {
  it('are met up to their limit, and missed beyond it', () => {
    const lines = (contiguous: number, everyPage: number): string[] =>
      relayBarLines(
        new Map([
          ['contiguous', contiguous],
          ['every page a run', everyPage],
          ['zero', 9],
        ]),
      );
    assert.deepEqual(lines(1.25, 2.001), [
      'bar, relay CPU per GiB, contiguous: at most 1.25 × the floor: met, 1.25 ×',
      'bar, relay CPU per GiB, every page a run: at most 2 × the floor: missed, 2.00 ×',
    ]);
    const verdicts = lines(1.26, 1.5).map((line) => / (met|missed),/.exec(line)?.[1]);
    assert.deepEqual(verdicts, ['missed', 'met']);
  });

  it('are not judged where their row was left out', () => {
    const [contiguous] = relayBarLines(new Map([['every page a run', 1]]));
    assert.match(contiguous ?? '', /: not measured$/);
  });
});
