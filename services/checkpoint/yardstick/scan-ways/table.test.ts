import assert from 'node:assert/strict';

import type { Pass } from './comparison.js';
import { comparisonTable } from './table.js';

const pass = (scan: number, entries: number): Pass => ({
  scan: { cpuMs: scan, wallMs: 2 * scan },
  entries: { cpuMs: entries, wallMs: 3 * entries },
});

describe("the figures of the two ways to find a task's pages", () => {
  it('are medians with least and most, and the median of the ratios pass by pass', () => {
    const compared = [
      {
        question: 'own pages',
        answer: { pages: 512, ranges: 3 },
        passes: [pass(1, 10), pass(2, 4), pass(9, 30)],
      },
      { question: 'dirty pages', answer: { pages: 8 }, passes: [pass(1, 2), pass(3, 2)] },
    ];
    const table = comparisonTable([{ layout: 'small pages', hugeBytes: 2 ** 21, compared }]);
    const [, own, dirty] = table.split('\n').map((line) => line.trim().split(/ {2,}/));
    assert.deepEqual(own, [
      ...['small pages', '2 MiB', 'own pages', '512', '3'],
      ...['2.00', '(1.00…9.00)', '4.00', '10.00', '(4.00…30.00)', '30.00', '0.30'],
    ]);
    assert.deepEqual(dirty, [
      ...['small pages', '2 MiB', 'dirty pages', '8', '–'],
      ...['2.00', '(1.00…3.00)', '4.00', '2.00', '(2.00…2.00)', '6.00', '1.00'],
    ]);
  });
});
