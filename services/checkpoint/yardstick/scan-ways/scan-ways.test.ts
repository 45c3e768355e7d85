import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';

import { runCommand, systemClock } from '../../../../libraries/process/index.js';
import { skip } from '../../../../tests/support/skip.js';
import { ownPages, TwoWays } from './comparison.js';
import { HeldTask } from './held-task.js';
import { layouts } from './layouts.js';

const program = fileURLToPath(new URL('./main.js', import.meta.url));

describe("the two ways to find a task's pages", function () {
  this.timeout(30_000);
  let now = 0;
  const meter = { cpuMs: () => (now += 1), wallMs: () => (now += 10) };
  const parts = { program, clock: systemClock, signal: new AbortController().signal };

  before(function () {
    if (process.getuid?.() !== 0) skip(this, 'only root sees page frames');
  });

  for (const layout of layouts)
    it(`find the same where a task has memory in this layout: ${layout.name}`, async function () {
      const pageCount = 2 ** 14;
      await using task = await HeldTask.start(layout, pageCount * 4096, parts);
      using ways = waysOf(this, task.pid);
      const { answer, passes } = ways.compare(ownPages, 2);
      const held = pageCount / layout.stride;
      assert.ok(answer.pages > held && answer.pages < held + 2 ** 14, `${answer.pages} pages`);
      const isScattered = layout.stride > 1;
      assert.equal((answer.ranges ?? 0) > held / 2, isScattered, `${answer.ranges ?? 0} ranges`);
      // From one reading of the clock to the next: CPU, the question, CPU, and the wall between them.
      assert.deepEqual(
        passes,
        Array(2).fill({ scan: { cpuMs: 11, wallMs: 11 }, entries: { cpuMs: 11, wallMs: 11 } }),
      );
    });

  it('are asked in turn, once more than counted, and must agree', function () {
    using ways = waysOf(this, process.pid);
    const asked: object[] = [];
    const agreeing = ways.compare({ name: 'any', ask: (way) => ({ pages: asked.push(way) && 7 }) }, 3);
    assert.deepEqual([agreeing.answer, agreeing.passes.length, asked.length], [{ pages: 7 }, 3, 8]);
    assert.ok(asked.every((way, index) => way === asked[index % 2]) && asked[0] !== asked[1]);
    let pages = 0;
    const disagreeing = { name: 'all pages', ask: () => ({ pages: (pages += 1) }) };
    assert.throws(() => ways.compare(disagreeing, 1), {
      code: 'scan-failed',
      message: 'all pages: PAGEMAP_SCAN found 1, the entries say 2',
    });
  });

  it('are compared by a command, which tells where soft-dirty bits are missing', async function () {
    waysOf(this, process.pid)[Symbol.dispose]();
    const { exitCode, stdout, stderr } = await runCommand([process.execPath, program, '16M', '1']);
    assert.deepEqual([exitCode, stderr], [0, '']);
    assert.match(stdout, /^16 MiB, 1 passes in turn, Linux \S+, node v/);
    for (const { name } of layouts) assert.match(stdout, new RegExp(`^${name} .* own pages `, 'm'));
    assert.notEqual(/ dirty pages /.test(stdout), /keeps no soft-dirty bits/.test(stdout));
  });

  it('are compared by a command that refuses what is no size and no number of passes', async () => {
    for (const args of [['1X'], ['4096'], ['16M', '0'], ['16M', 'two'], ['16M', '1', 'more']]) {
      const { exitCode, stdout, stderr } = await runCommand([process.execPath, program, ...args]);
      assert.deepEqual([exitCode, stdout], [2, ''], args.join(' '));
      assert.match(stderr, /is not (a size|\[SIZE\])/);
    }
  });

  function waysOf(test: Mocha.Context, pid: number): TwoWays {
    try {
      return new TwoWays(pid, meter);
    } catch (error) {
      if (String(error).includes('no PAGEMAP_SCAN')) skip(test, 'this kernel has no PAGEMAP_SCAN');
      throw error;
    }
  }
});
