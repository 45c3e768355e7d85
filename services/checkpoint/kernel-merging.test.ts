import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { requireUnmerged } from './kernel-merging.js';

const mergeable = 'VmFlags: rd wr mr mw me ac sd mg \n';
const private_ = 'VmFlags: rd wr mr mw me ac sd \n';

describe('the kernel’s merging of pages', () => {
  let root: string;
  beforeEach('an empty /proc', () => (root = mkdtempSync(path.join(tmpdir(), 'ksm-'))));
  afterEach(() => rmSync(root, { recursive: true }));

  function check(run: string | undefined, smaps: Record<number, string>): void {
    const [ksm, proc] = [path.join(root, 'ksm'), path.join(root, 'proc')];
    mkdirSync(ksm);
    if (run !== undefined) writeFileSync(path.join(ksm, 'run'), run);
    for (const [pid, text] of Object.entries(smaps)) {
      mkdirSync(path.join(proc, pid), { recursive: true });
      writeFileSync(path.join(proc, pid, 'smaps'), text);
    }
    requireUnmerged('web', [{ pid: 10 }, { pid: 11 }], { ksm, proc });
  }

  it('stands in the way of a task that allows it while it is at work', () => {
    assert.throws(() => check('1\n', { 10: private_, 11: `${private_}${mergeable}${private_}` }), {
      code: 'memory-merged',
      message: /^pid 11 of container 'web' .* echo 2 >.*\/ksm\/run$/,
    });
  });

  it('does not where no task allows it', () => check('1\n', { 10: private_ }));
  it('does not where it is not at work', () => check('0\n', { 10: mergeable }));
  it('does not where it was stopped', () => check('2\n', { 10: mergeable }));
  it('does not where the kernel has none', () => check(undefined, { 10: mergeable }));
});
