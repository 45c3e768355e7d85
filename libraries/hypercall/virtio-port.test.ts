import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { setImmediate } from 'node:timers/promises';

import { eventually } from '../../tests/support/eventually.js';
import { systemClock } from '../process/index.js';
import { startPortReader, VirtioPort } from './virtio-port.js';

/** A reader whose end comes as Node may tell it: the process first, its pipe later. */
class ScriptedReader extends EventEmitter {
  readonly stdout = new PassThrough();
  exitCode: number | null = null;
  readonly signalCode = null;

  exit(): void {
    this.exitCode = 0;
    this.emit('exit', 0, null);
  }

  kill(): boolean {
    return true;
  }
}

describe('a virtio-serial port', () => {
  let folder = '';
  let device = '';
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'portkey-port-'));
    device = path.join(folder, 'port');
    await writeFile(device, '');
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('is at its end only after the last bytes of its reader', async () => {
    const reader = new ScriptedReader();
    const port = await VirtioPort.open(device, () => reader as unknown as ChildProcess, systemClock);
    const events: string[] = [];
    port.listen(
      (bytes) => events.push(bytes.toString()),
      () => events.push('end'),
    );
    reader.exit();
    reader.stdout.write('COMPLETE');
    await setImmediate();
    reader.emit('close', 0, null);
    assert.deepEqual(events, ['COMPLETE', 'end']);
    await port.close();
  });

  it('that has no reader says why, and does not end the agent', async () => {
    await assert.rejects(
      VirtioPort.open(
        device,
        () => spawn('/nonexistent', { stdio: ['ignore', 'pipe', 'inherit'] }),
        systemClock,
      ),
      { code: 'no-hypercall-channel', message: /cannot read .*port: spawn \/nonexistent ENOENT/ },
    );
  });

  it('that nobody serves is refused', async () => {
    await assert.rejects(VirtioPort.open(device, startPortReader, systemClock), {
      code: 'no-hypercall-channel',
      message: /nobody is at the other end/,
    });
  });

  it('is free again when its agent has been killed', async () => {
    const module = new URL('virtio-port.js', import.meta.url).href;
    const program = `import { startPortReader } from '${module}'; console.log(startPortReader(0).pid); setInterval(() => {}, 1000);`;
    // A pipe that nothing comes by, as the port of a host that has nothing to say.
    const agent = spawn(process.execPath, ['--input-type=module', '--eval', program], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const [pid] = (await once(agent.stdout, 'data')) as [Buffer];
    // That of a zombie leads nowhere.
    const reader = `/proc/${pid.toString().trim()}/exe`;
    assert.equal(existsSync(reader), true);
    agent.kill('SIGKILL');
    await eventually('the reader has ended', () => !existsSync(reader));
    agent.stdin.end();
  });
});
