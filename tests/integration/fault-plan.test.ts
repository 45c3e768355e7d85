/** Which cells the fault matrix has, and that a run which was ended goes on where it was. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { phases } from '../faults/phases.js';
import { everything, matrixOf } from '../faults/plan.js';
import { codeDigest } from '../faults/code.js';
import { areOf, Results } from '../faults/results.js';
import { positiveNumber } from '../faults/words.js';

const oneName = ({ part, kind, phase }: (typeof cells)[number]): string => `${part} ${kind} ${phase}`;
const cells = matrixOf(everything, 1);

describe('the fault matrix', () => {
  it('has every part, phase and kind once in a pass', () => {
    assert.equal(new Set(cells.map(oneName)).size, cells.length);
    for (const part of ['checkpoint', 'redis', 'VM of the source'] as const)
      assert.equal(cells.filter((cell) => cell.part === part).length, 3 * phases.length, part);
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

  it('is refused where it has no cell, and so would pass', () => {
    const choice = { ...everything, parts: ['redis'] as const, kinds: ['fill'] as const };
    assert.throws(() => matrixOf(choice, 1), /no such cell: redis: fill/);
  });

  it('takes numbers of passes, beds and the like only where they are some', () => {
    assert.equal(positiveNumber('passes', '12'), 12);
    for (const text of ['0', '-1', '1.5', '', 'x', '1e3', '0x10', ' 1', '9'.repeat(20)])
      assert.throws(() => positiveNumber('passes', text), /--passes takes a whole number/, text);
  });

  it('goes on only with results of the same cells, whichever of them there are', () => {
    const none = cells.map(() => null);
    assert.ok(areOf(cells, none));
    assert.ok(areOf(cells, [null, ...cells.slice(1, 7), ...none.slice(7)]));
    assert.ok(!areOf(cells, [...cells.slice(1, 7), ...none.slice(6)]));
    assert.ok(!areOf(cells.slice(0, 7), cells));
  });

  describe('in a folder', () => {
    let folder: string;

    beforeEach(async () => {
      folder = await mkdtemp(path.join(tmpdir(), 'portkey-faults-'));
    });

    afterEach(async () => {
      await rm(folder, { recursive: true });
    });

    it('goes on with what the file has, and only with the same code', async () => {
      const file = path.join(folder, 'results.json');
      const wanted = { mode: 'portkey', holdSeconds: 18, patienceSeconds: 5, code: 'a', cells };
      const [cell] = cells;
      assert.ok(cell);
      const result = {
        ...cell,
        ending: 'completed' as const,
        reason: '',
        settleSeconds: 1,
        mostCopies: 1,
        lostWrites: 0,
      };
      await Results.none(file, wanted).add(0, { ...result, findings: [] });
      const later = await Results.earlier(file, wanted);
      assert.deepEqual([later.done.length, later.open.length], [1, cells.length - 1]);
      await assert.rejects(Results.earlier(file, { ...wanted, code: 'b' }), /is of other code/);
      await assert.rejects(Results.earlier(file, { ...wanted, mode: 'criu' }), /is of other cells/);
      await assert.rejects(Results.earlier(file, { ...wanted, holdSeconds: 110 }), /is of other cells/);
    });

    it('takes the code for another when a part of it or the matrix has changed, and not for its tests', async () => {
      const names = ['libraries', 'proto', 'services', 'testbed', 'tests/e2e/support', 'tests/faults'];
      for (const name of names) await mkdir(path.join(folder, name), { recursive: true });
      const write = (name: string, text: string): Promise<void> => writeFile(path.join(folder, name), text);
      await write('package-lock.json', '{}');
      await write('services/a.ts', 'a');
      const before = await codeDigest(folder);
      await write('services/a.test.ts', 'b');
      assert.equal(await codeDigest(folder), before);
      await write('tests/b.ts', 'b');
      assert.equal(await codeDigest(folder), before);
      for (const name of names) {
        const unchanged = await codeDigest(folder);
        await write(`${name}/a.ts`, 'b');
        assert.notEqual(await codeDigest(folder), unchanged, name);
      }
    });
  });
});
