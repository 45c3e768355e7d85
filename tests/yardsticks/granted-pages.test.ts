/**
 * The landing experiment as a user starts it, small: its figures are noise then, but every pass checks its pages.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { withTestbed } from '../e2e/support/fixture.js';

const program = 'build/testbed/yardstick/granted-pages/main.js';

describe('the landing experiment', function () {
  this.timeout(240_000);
  withTestbed();

  it('lands the same pages in each way, and tells what each has cost', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [program, '8M', '1']);
    for (const way of ['share', 'granted', 'granted, mapped', 'granted, 4 KiB pages']) {
      const row = stdout.split('\n').find((line) => line.startsWith(`${way}  `));
      assert.ok(row !== undefined && /\d\.\d\d/.test(row), `no figures for '${way}' in:\n${stdout}`);
    }
    assert.match(stdout, /compared byte for byte with what was sent, in every pass/);
    assert.match(stdout, /moved by compaction: 0 of \d+ pinned pages/);
  });
});
