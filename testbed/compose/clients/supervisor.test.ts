/** With the program of a real client, whose Redis is not there. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { systemClock } from '../../../libraries/process/index.js';
import { workloadFiles } from '../../workload/index.js';
import { superviseClients } from './supervisor.js';

const limitMs = 15_000;

describe('the supervisor of clients', function () {
  this.timeout(40_000);
  let folder = '';
  let stop = new AbortController();
  let supervision: Promise<void>;
  let told: string[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'portkey-clients-'));
    stop = new AbortController();
    told = [];
    const report = (line: string): void => void told.push(line);
    supervision = superviseClients({ folder, clock: systemClock, report }, stop.signal);
  });

  afterEach(async () => {
    stop.abort();
    await supervision;
    await rm(folder, { recursive: true });
  });

  const files = () => workloadFiles({ runtimeFolder: folder }, 'web');
  const until = async (look: () => Promise<boolean>): Promise<void> => {
    const end = systemClock.monotonicMs() + limitMs;
    while (!(await look())) {
      assert.ok(systemClock.monotonicMs() < end, `not in time; told: ${told.join('; ')}`);
      await systemClock.sleep(50);
    }
  };
  const exists = (file: string): Promise<boolean> =>
    stat(file).then(
      () => true,
      () => false,
    );

  it('starts what is wanted, once, and leaves its pid', async () => {
    const { config, wanted, pid } = files();
    const settings = {
      listen: [`unix:${files().socket}`],
      metrics: '127.0.0.1:0',
      security: 'insecure',
      container: 'web',
    };
    const target = { host: '127.0.0.1', port: 1, memoryBytes: 0, writeBytesPerSecond: 0 };
    await writeFile(config, JSON.stringify({ ...settings, ...target }));
    await writeFile(wanted, '');
    await until(() => exists(pid));
    assert.equal(await exists(wanted), false);
    const number = Number(await readFile(pid, 'utf8'));
    assert.match(await readFile(`/proc/${number}/cmdline`, 'utf8'), /workload\/main\.js/);
    await until(() => exists(files().socket));
    process.kill(number, 'SIGTERM');
    await until(() => Promise.resolve(told.includes('workload-web ended')));
    assert.equal(await exists(files().failed), false);
  });

  it('says of one that ends at once how it ended', async () => {
    await writeFile(files().config, '{}');
    await writeFile(files().wanted, '');
    await until(() => exists(files().failed));
    assert.equal(await readFile(files().failed, 'utf8'), 'workload-web ended (exit code 2)\n');
  });

  it('says again and again that it is there', async () => {
    const alive = path.join(folder, 'alive');
    await until(() => exists(alive));
    const first = (await stat(alive)).mtimeMs;
    await until(async () => (await stat(alive)).mtimeMs > first);
  });
});
