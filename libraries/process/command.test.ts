import assert from 'node:assert/strict';

import { runChecked, runCommand } from './index.js';

describe('a command', () => {
  it('gives its output, its exit code and what it reads', async () => {
    const result = await runCommand(['sh', '-c', 'cat; echo oops >&2; exit 3'], { input: 'text' });
    assert.deepEqual(result, { exitCode: 3, stdout: 'text', stderr: 'oops\n' });
  });

  it('is killed with its children at its deadline', async () => {
    const startMs = Date.now();
    const result = await runCommand(['sh', '-c', 'sleep 60 & sleep 60'], { timeoutMs: 100 });
    assert.notEqual(result.exitCode, 0);
    assert.ok(Date.now() - startMs < 5_000);
  });

  it('that leaves a process behind ends before that one does', async () => {
    const startMs = Date.now();
    let group = 0;
    await runCommand(['sh', '-c', 'sleep 60 &'], { leavesProcess: true, onStart: (pid) => (group = pid) });
    assert.ok(Date.now() - startMs < 5_000);
    process.kill(-group, 'SIGKILL');
  });

  it('that must succeed says how it failed, in one line', async () => {
    await assert.rejects(
      runChecked(runCommand, ['sh', '-c', 'echo one; echo two >&2; exit 1']),
      /ended with 1: two$/,
    );
    await assert.rejects(runChecked(runCommand, ['/nonexistent']), /cannot run \/nonexistent/);
  });
});
