/**
 * A few cells of the fault matrix (tests/faults), those whose parts are soon back; `npm run test:faults` has all of them.
 */
import assert from 'node:assert/strict';

import { FaultBed } from '../faults/bed.js';
import { runCell, usualHoldSeconds, usualPatienceSeconds, type Cell } from '../faults/cell.js';
import { container } from '../faults/container.js';
import { withTestbed } from './support/fixture.js';

const conditions = {
  ...{ holdSeconds: usualHoldSeconds, patienceSeconds: usualPatienceSeconds, mode: 'portkey' },
};

const cells: readonly Cell[] = [
  { part: 'relay of the destination', kind: 'kill', phase: 'precopy', moment: 'answered' },
  { part: 'controller', kind: 'kill', phase: 'committed', moment: 'answered' },
  { part: 'redis', kind: 'kill', phase: 'committed', moment: 'asked' },
  { part: 'restore', kind: 'cut', phase: 'landed', moment: 'asked' },
];

describe('a fault in a migration', function () {
  this.timeout(400_000);
  withTestbed();
  let bed: FaultBed | undefined;
  before(async () => (bed = await FaultBed.takeOver(usualPatienceSeconds)));
  after(() => bed?.giveBack());

  for (const cell of cells)
    it(`leaves one running copy, and nothing else: ${cell.part}, ${cell.kind}, when ${cell.phase} is ${cell.moment}`, async () => {
      assert.ok(bed);
      const { ending, findings } = await runCell(cell, container, await bed.scene(), conditions);
      assert.deepEqual(findings, []);
      assert.ok(ending === 'completed' || ending === 'rolled back', ending);
    });
});
