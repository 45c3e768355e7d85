import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { sampleMigration } from '../tests/support/sample-report.js';
import { ScriptedController } from '../tests/support/scripted-controller.js';

const main = fileURLToPath(new URL('./main.js', import.meta.url));

describe("the command line's process", function () {
  this.timeout(20_000);
  let controller: ScriptedController;

  beforeEach(async () => {
    controller = await ScriptedController.start();
  });
  afterEach(() => controller[Symbol.asyncDispose]());

  it('goes on to its end when nobody reads stderr any more', async () => {
    controller.migrateEvents = () => [
      { id: 'm1', state: 'preflight', kind: 'warning', text: 'nobody hears this', at: '' },
      { id: 'm1', state: 'precopy', kind: 'transition', text: 'nor this', at: '' },
      { id: 'm1', state: 'done', text: 'done', at: '', report: JSON.stringify(sampleMigration('portkey')) },
    ];
    const child = spawn(process.execPath, [main, 'migrate', 'web', '--to', 'vm-b', '--json'], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...controller.env },
    });
    child.stderr.destroy();
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    await once(child, 'close');
    assert.equal(child.exitCode, 0);
    assert.equal((JSON.parse(stdout) as { outcome: string }).outcome, 'completed');
  });
});
