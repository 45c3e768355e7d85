import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';

import { processCpuSeconds } from './index.js';

describe('processCpuSeconds', () => {
  it('agrees with what the process itself sees', () => {
    const before = process.cpuUsage();
    const seconds = processCpuSeconds(process.pid) ?? 0;
    const after = process.cpuUsage();
    assert.ok(seconds >= (before.user + before.system) / 1e6 - 0.02);
    assert.ok(seconds <= (after.user + after.system) / 1e6 + 0.02);
  });

  it('knows nothing of a process that is gone', async () => {
    const child = spawn('true');
    await once(child, 'exit');
    assert.equal(processCpuSeconds(child.pid ?? 0), undefined);
  });
});
