/**
 * The model of the hand-over, checked by SPIN: everything holds with all safeguards, something breaks without one of them.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { runCommand } from '../../libraries/process/index.js';
import { check } from '../../services/controller/model/checker.js';
import { experimentsWith } from '../../services/controller/model/experiments.js';

describe('the model of the hand-over', function () {
  this.timeout(600_000);
  let folder = '';

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'portkey-model-test-'));
  });

  after(() => rm(folder, { recursive: true, force: true }));

  for (const [index, { name, holds, ...what }] of experimentsWith(2).entries()) {
    const property = what.property === 'safe' ? 'one copy, and rest in one place' : 'an end';
    it(`has ${holds ? '' : 'no longer '}${property}: ${name}`, async () => {
      const verdict = await check(runCommand, path.join(folder, String(index)), what);
      console.log(`      ${verdict.stateCount} states, ${verdict.seconds} s`);
      assert.equal(verdict.holds, holds, verdict.error + verdict.trail.split('\n').slice(-60).join('\n'));
      assert.ok(!holds || verdict.stateCount > 100_000, 'the model has hardly a state');
    });
  }
});
