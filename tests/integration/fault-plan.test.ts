/** Which cells the fault matrix has, and that a run which was ended goes on where it was. */
import assert from 'node:assert/strict';

import { everything, isBeginningOf, matrixOf } from '../faults/plan.js';

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

  it('goes on only after cells that were its first', () => {
    assert.ok(isBeginningOf(cells, []));
    assert.ok(isBeginningOf(cells, cells.slice(0, 7)));
    assert.ok(!isBeginningOf(cells, cells.slice(1, 7)));
    assert.ok(!isBeginningOf(cells.slice(0, 7), cells));
  });
});
