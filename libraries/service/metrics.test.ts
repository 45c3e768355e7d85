import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';

import { createRegistry } from './metrics.js';

const module = new URL('./metrics.js', import.meta.url).href;
/** Prints how often its main thread was woken in half a second in which it had nothing to do. */
const idleProgram = `
  import { readFileSync } from 'node:fs';
  import { createRegistry } from ${JSON.stringify(module)};
  const wakeUps = () => Number(/^voluntary_ctxt_switches:\\s+(\\d+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))[1]);
  createRegistry('idle', '0');
  await new Promise((resolve) => setTimeout(resolve, 200));
  const before = wakeUps();
  await new Promise((resolve) => setTimeout(resolve, 500));
  console.log(wakeUps() - before);
`;

describe('the metrics of a service', () => {
  it('do not wake it while it is idle', async () => {
    const child = spawn(process.execPath, ['--input-type=module', '--eval', idleProgram], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let printed = '';
    child.stdout.on('data', (text: Buffer) => (printed += text.toString()));
    await once(child, 'close');
    assert.match(printed, /^\d+\n$/);
    assert.ok(Number(printed) < 25, `woken ${printed.trim()} times in half a second`);
  });

  it('have the lag of the event loop at the time of the question alone', async () => {
    const text = await createRegistry('some-service', '1.2').metrics();
    const lags = text.split('\n').filter((line) => line.startsWith('nodejs_eventloop_lag'));
    assert.deepEqual(
      lags.map((line) => line.split(' ')[0]),
      ['nodejs_eventloop_lag_seconds'],
    );
    assert.match(text, /^portkey_build_info\{service="some-service",version="1.2"\} 1$/m);
  });
});
