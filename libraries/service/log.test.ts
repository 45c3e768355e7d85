import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const log = new URL('./log.js', import.meta.url).href;
const metrics = new URL('./metrics.js', import.meta.url).href;

/** The output of a program that has a log, and whose stderr is this file. */
function logging(program: string, file: string): { stdout: string; status: number | null } {
  const descriptor = openSync(file, 'a');
  try {
    const source = `
      import { createLog } from '${log}';
      import { createRegistry } from '${metrics}';
      const registry = createRegistry('restore', '1');
      const log = createLog('restore', 'info', registry);
      const failures = async () => (await registry.getSingleMetric('portkey_log_write_failures_total').get()).values[0].value;
      ${program}`;
    const { stdout, status } = spawnSync('node', ['--input-type=module', '-e', source], {
      stdio: ['ignore', 'pipe', descriptor],
      encoding: 'utf8',
    });
    return { stdout, status };
  } finally {
    closeSync(descriptor);
  }
}

describe('the log of a service', () => {
  let folder = '';
  beforeEach(() => (folder = mkdtempSync(path.join(tmpdir(), 'portkey-log-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  it('does not end it where there is no room for another line, and counts what was not written', () => {
    const program = `
      for (let line = 0; line < 5; line++) log.info('a line');
      await new Promise((resolve) => setTimeout(resolve, 50));
      console.log(await failures());`;
    assert.deepEqual(logging(program, '/dev/full'), { stdout: '5\n', status: 0 });
  });

  it('goes on where it stopped once there is room, and has kept no more than 1 MiB', () => {
    const file = path.join(folder, 'log');
    const program = `
      import { closeSync, openSync } from 'node:fs';
      // The lowest descriptor that is free: what the log writes to.
      const put = (name) => { closeSync(2); return openSync(name, 'a'); };
      if (put('/dev/full') !== 2) throw new Error('not descriptor 2');
      for (let line = 0; line < 40; line++) log.info({ line, filler: 'x'.repeat(100_000) }, 'kept');
      put('${file}');
      log.info({ line: 40, filler: 'x'.repeat(100_000) }, 'lost');
      log.info('last');
      console.log(await failures());`;
    const { stdout, status } = logging(program, file);
    assert.deepEqual([stdout, status], ['40\n', 0]);
    const lines = readFileSync(file, 'utf8').trim().split('\n');
    const parsed = lines.map((line) => JSON.parse(line) as { line?: number; msg: string });
    assert.deepEqual(
      parsed.slice(0, -1).map(({ line }) => line),
      Array.from({ length: 10 }, (_, line) => line),
    );
    assert.equal(parsed.at(-1)?.msg, 'last');
  });
});
