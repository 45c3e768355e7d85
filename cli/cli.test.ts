import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';

import { ScriptedController } from '../tests/support/scripted-controller.js';
import { controllerAddresses, livingController, namedController } from './controller.js';
import { abortOnInterrupt, overheard, ProcessInterrupts } from './interrupts.js';
import { outputFlags } from './program.js';
import { formatTable } from './table.js';

describe('interrupts', () => {
  it('go to the last handler alone, and to the process again when there is none', () => {
    const source = new EventEmitter();
    const interrupts = new ProcessInterrupts(source);
    const calls: string[] = [];
    const outer = interrupts.on(() => calls.push('outer'));
    const inner = interrupts.on(() => calls.push('inner'));
    source.emit('SIGINT');
    inner[Symbol.dispose]();
    inner[Symbol.dispose]();
    source.emit('SIGTERM');
    outer[Symbol.dispose]();
    assert.deepEqual(calls, ['inner', 'outer']);
    assert.equal(source.listenerCount('SIGINT'), 0);
  });

  it('can be overheard while another step has them', () => {
    const source = new EventEmitter();
    const calls: string[] = [];
    const interrupts = overheard(new ProcessInterrupts(source), () => calls.push('heard'));
    const step = interrupts.on(() => calls.push('step'));
    source.emit('SIGINT');
    step[Symbol.dispose]();
    assert.deepEqual([calls, source.listenerCount('SIGINT')], [['heard', 'step'], 0]);
  });

  it('can abort work', () => {
    const source = new EventEmitter();
    using interrupt = abortOnInterrupt(new ProcessInterrupts(source));
    source.emit('SIGHUP');
    assert.equal(interrupt.signal.aborted, true);
  });
});

describe("the controller's address", () => {
  it('is the flag, else the environment, else the test bed', () => {
    const env = { PORTKEY_CONTROLLER: 'b:2' };
    assert.equal(namedController('a:1', env), 'a:1');
    assert.equal(namedController(undefined, env), 'b:2');
    assert.equal(namedController(undefined, {}), undefined);
    assert.deepEqual(controllerAddresses({ named: 'a:1', testbed: ['unix:/c'] }), ['a:1']);
    assert.deepEqual(controllerAddresses({ named: undefined, testbed: ['unix:/c', 'unix:/d'] }), [
      'unix:/c',
      'unix:/d',
    ]);
    assert.throws(() => controllerAddresses({ named: undefined, testbed: undefined }), {
      code: 'testbed-down',
      message: /portkey testbed up/,
    });
    for (const named of ['nowhere', 'a:1,', 'a:1, b'])
      assert.throws(() => controllerAddresses({ named, testbed: undefined }), { code: 'invalid-argument' });
  });

  it('may be several, with commas between', () => {
    const named = 'a:1,unix:/b';
    assert.deepEqual(controllerAddresses({ named, testbed: undefined }), ['a:1', 'unix:/b']);
  });

  it('is that of the first that serves, else of the first', async () => {
    const serving = await ScriptedController.start();
    try {
      const choose = (...addresses: string[]): Promise<string> =>
        livingController(addresses, serving.operator);
      assert.equal(await choose('unix:/gone', serving.address, 'unix:/lost'), serving.address);
      assert.equal(await choose('unix:/gone', 'unix:/lost'), 'unix:/gone');
    } finally {
      await serving[Symbol.asyncDispose]();
    }
  });
});

describe('output flags', () => {
  it('are read before anything else, but not behind --', () => {
    assert.deepEqual(outputFlags(['ps', '--json']), { json: true, verbose: false });
    assert.deepEqual(outputFlags(['run', '--verbose', '--', '--json']), { json: false, verbose: true });
  });
});

describe('a table', () => {
  it('has columns as wide as their widest cell', () => {
    assert.equal(
      formatTable(
        [{ title: 'name' }, { title: 'n', align: 'right' }],
        [
          ['a', '10'],
          ['long name', '5'],
        ],
      ),
      ['name        n', '─────────  ──', 'a          10', 'long name   5'].join('\n'),
    );
  });
});
