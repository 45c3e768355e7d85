/** Which cells the fault matrix has, and that a run which was ended goes on where it was. */
import assert from 'node:assert/strict';

import { everything, matrixOf } from '../faults/plan.js';
import { areOf } from '../faults/results.js';

const oneName = ({ part, kind, phase }: (typeof cells)[number]): string => `${part} ${kind} ${phase}`;
const cells = matrixOf(everything, 1);

describe('the fault matrix', () => {
  it('has every part, phase and kind once in a pass', () => {
    assert.equal(new Set(cells.map(oneName)).size, cells.length);
    for (const part of ['checkpoint', 'redis', 'VM of the source'] as const)
      assert.equal(cells.filter((cell) => cell.part === part).length, 27, part);
  });

  it('sees both moments of a cell in two passes', () => {
    const passes = matrixOf(everything, 2);
    for (const [index, cell] of cells.entries()) {
      const again = passes[cells.length + index];
      assert.ok(again);
      assert.equal(oneName(again), oneName(cell));
      assert.notEqual(again.moment, cell.moment);
    }
  });

  it('goes on only with results of the same cells, whichever of them there are', () => {
    const none = cells.map(() => null);
    assert.ok(areOf(cells, none));
    assert.ok(areOf(cells, [null, ...cells.slice(1, 7), ...none.slice(7)]));
    assert.ok(!areOf(cells, [...cells.slice(1, 7), ...none.slice(6)]));
    assert.ok(!areOf(cells.slice(0, 7), cells));
  });
});
