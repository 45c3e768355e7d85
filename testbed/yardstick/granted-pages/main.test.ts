import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';

import { runCommand } from '../../../libraries/process/index.js';

describe('the landing experiment as a command', () => {
  const main = fileURLToPath(new URL('./main.js', import.meta.url));
  const run = (...args: string[]): ReturnType<typeof runCommand> =>
    runCommand([process.execPath, main, ...args]);

  it('says how to use it', async () => {
    const { exitCode, stdout } = await run('--help');
    assert.equal(exitCode, 0);
    assert.match(stdout, /^usage: node .*main\.js \[SIZE\] \[PASSES\]/);
  });

  it('refuses what is no size, no whole MiB and no number of passes before it touches anything', async () => {
    for (const args of [['1X'], ['4096'], ['0'], ['64M', '0'], ['64M', 'two'], ['64M', '1', 'more']]) {
      const { exitCode, stdout, stderr } = await run(...args);
      assert.deepEqual([exitCode, stdout], [2, ''], args.join(' '));
      assert.match(stderr, /is not (a size|\[SIZE\])/);
    }
  });
});
