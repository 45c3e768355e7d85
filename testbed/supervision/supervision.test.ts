import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

import { systemClock } from '../../libraries/process/index.js';
import { realTools, type Tools } from '../tools.js';
import { daemonStarter, type StartDaemon } from './daemon.js';
import { isMarked, markedProcesses } from './marker.js';
import { stopMarkedProcesses } from './stop.js';
import { waitFor } from './wait.js';

describe('supervision', () => {
  let runtime = '';
  let start: StartDaemon;
  let tools: Tools;

  beforeEach(async () => {
    runtime = await mkdtemp(path.join(os.tmpdir(), 'portkey-runtime-'));
    start = daemonStarter(runtime, runtime);
    tools = realTools(runtime, () => undefined, new AbortController().signal);
  });
  afterEach(async () => {
    await stopMarkedProcesses(runtime, systemClock);
    await rm(runtime, { recursive: true });
  });

  it("finds a daemon and its children by their environment, and nobody else's", async () => {
    const { pid } = start({ name: 'parent', argv: ['sh', '-c', 'sleep 60 & sleep 61; true'] });
    await until(async () => (await markedProcesses(runtime)).length === 3);
    assert.equal(await isMarked(pid, runtime), true);
    assert.equal(await isMarked(pid, `${runtime}-other`), false);
    assert.equal(await isMarked(process.pid, runtime), false);
  });

  it('finds a command, too, that its caller did not live to see the end of', async () => {
    const ended = tools.run(['sh', '-c', 'sleep 60; true'], { env: { PATH: process.env.PATH } });
    await until(async () => (await markedProcesses(runtime)).length === 2);
    await stopMarkedProcesses(runtime, systemClock);
    assert.match((await ended).stderr, /killed by SIGTERM/);
    assert.deepEqual(await markedProcesses(runtime), []);
  });

  it('ends those too that ignore SIGTERM', async function () {
    this.timeout(10_000);
    const { pid } = start({ name: 'deaf', argv: ['sh', '-c', "trap '' TERM; sleep 60 & wait; wait"] });
    await until(async () => (await markedProcesses(runtime)).length === 2);
    await stopMarkedProcesses(runtime, systemClock);
    assert.equal(await isMarked(pid, runtime), false);
  });

  it('is done at once where nothing runs', () => stopMarkedProcesses(runtime, systemClock));

  it("reports a daemon's early end with the end of its log", async () => {
    const daemon = start({ name: 'brief', argv: ['sh', '-c', 'echo out of paper >&2; exit 3'] });
    const late = (): never => assert.fail('too late');
    const never = { until: () => Promise.resolve(false), daemons: [daemon], timeoutMs: 10_000, late };
    await assert.rejects(waitFor(never, tools), {
      code: 'testbed-failed',
      message: `brief ended at once (exit code 3); its log is ${runtime}/brief.log`,
      details: 'out of paper\n',
    });
    assert.equal(await readFile(path.join(runtime, 'brief.log'), 'utf8'), 'out of paper\n');
  });

  it('reports an end also where the log is gone already', async () => {
    const daemon = start({ name: 'brief', argv: ['sh', '-c', 'rm "$0"; exit 3', `${runtime}/brief.log`] });
    await until(() => Promise.resolve(daemon.failure() !== undefined));
    assert.match(daemon.failure()?.details ?? '', /cannot read .*brief\.log: .*ENOENT/);
  });

  it('reports a program that is not there', async () => {
    const daemon = start({ name: 'absent', argv: ['/nowhere/program'] });
    await until(() => Promise.resolve(daemon.failure() !== undefined));
    assert.match(daemon.failure()?.message ?? '', /absent cannot be started: .*ENOENT/);
  });

  async function until(reached: () => Promise<boolean>): Promise<void> {
    const late = (): never => assert.fail('not reached in time');
    await waitFor({ until: reached, daemons: [], timeoutMs: 5_000, late }, tools);
  }
});
