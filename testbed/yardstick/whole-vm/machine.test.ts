import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

import { runCommand, systemClock } from '../../../libraries/process/index.js';
import { eventually } from '../../../tests/support/eventually.js';
import { daemonStarter, type StartDaemon } from '../../supervision/daemon.js';
import { markedProcesses } from '../../supervision/marker.js';
import type { Tools } from '../../tools.js';
import { endsWithStarter, Machine } from './machine.js';
import { wholeVmPlace } from './place.js';

/** Stands in for QEMU: makes the files that it is told of, and answers each question. */
const answering = `
const [socket, ram] = process.argv.slice(1);
require('node:fs').writeFileSync(ram, '');
require('node:net').createServer((client) => {
  client.on('data', (text) => {
    for (const line of String(text).trim().split('\\n')) client.write(JSON.stringify({ return: { running: true } }) + '\\n');
  });
}).listen(socket);
`;

describe('a QEMU of the whole-VM yardstick', () => {
  let folder = '';
  let start: StartDaemon;
  let stopping: AbortController;
  let tools: Tools;

  beforeEach(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'portkey-machine-'));
    const withNamespace = daemonStarter(folder, folder);
    start = ({ name, argv }) => withNamespace({ name, argv });
    stopping = new AbortController();
    const { signal } = stopping;
    tools = { run: runCommand, runToEnd: runCommand, clock: systemClock, report: () => undefined, signal };
  });
  afterEach(() => rm(folder, { recursive: true }));

  const launch = (script: string): Promise<Machine> => {
    const [end] = wholeVmPlace(folder).ends;
    const { qmpSocket, ramFile } = end.qemu;
    return Machine.start(end, [process.execPath, '-e', script, qmpSocket, ramFile], start, tools);
  };

  it('is there when it answers, its memory held by nobody else, and leaves nothing', async () => {
    const machine = await launch(answering);
    const { qmpSocket, ramFile } = machine.end.qemu;
    assert.deepEqual([existsSync(qmpSocket), existsSync(ramFile)], [true, false]);
    assert.ok(machine.cpuSeconds() > 0);
    assert.deepEqual(await machine.ask((qmp) => qmp.execute('query-status')), { running: true });
    await machine.stop();
    assert.deepEqual([existsSync(qmpSocket), await markedProcesses(folder)], [false, []]);
    assert.throws(() => machine.cpuSeconds(), { code: 'testbed-failed', message: /SIGKILL/ });
    await machine.stop();
  });

  it('is a failure with its reason where it ends at once', async () => {
    await assert.rejects(launch('console.error("no such device"); process.exit(1)'), {
      code: 'testbed-failed',
      message: /whole-vm-host-a-qemu ended at once \(exit code 1\)/,
      details: /no such device/,
    });
  });

  it('is gone where the wait for it was stopped', async () => {
    const launched = launch('setInterval(() => undefined, 1000)');
    await eventually('it runs', async () => (await markedProcesses(folder)).length > 0);
    stopping.abort();
    await assert.rejects(launched, { code: 'cancelled' });
    assert.deepEqual(await markedProcesses(folder), []);
  });

  it('ends with the process that started it, also where that one was killed', async () => {
    const argv = JSON.stringify(endsWithStarter(['sleep', '60']));
    const script = `const [program, ...args] = ${argv};
      const child = require('node:child_process').spawn(program, args, { detached: true, stdio: 'ignore' });
      console.log(child.pid); setInterval(() => undefined, 1000);`;
    const starter = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(starter.stdout, 'data')) as [Buffer];
    const pid = Number(line.toString());
    await eventually('the program runs', () => commandOf(pid) === 'sleep');
    starter.kill('SIGKILL');
    await eventually('the program is gone', () => commandOf(pid) !== 'sleep');
  });
});

/** Empty where there is no such process any more. */
function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return '';
  }
}
