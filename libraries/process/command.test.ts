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

  it('that its caller does not want once it runs is killed with its children, and has ended when it fails', async () => {
    let started = 0;
    const full = new Error('no space left on device');
    const argv = ['sh', '-c', 'sleep 60 & sleep 60'];
    const onStart = (pid: number): void => {
      started = pid;
      throw full;
    };
    await assert.rejects(runCommand(argv, { onStart }), full);
    // Its children had its output open, which is over by now.
    assert.throws(() => process.kill(started, 0), { code: 'ESRCH' });
  });

  it('that must succeed says how it failed, in one line', async () => {
    await assert.rejects(
      runChecked(runCommand, ['sh', '-c', 'echo one; echo two >&2; exit 1']),
      /ended with 1: two$/,
    );
    await assert.rejects(runChecked(runCommand, ['/nonexistent']), /cannot run \/nonexistent/);
  });
});
