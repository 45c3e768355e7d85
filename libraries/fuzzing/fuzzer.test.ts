import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { fuzz, mutate, Random, type Target } from './index.js';

describe('the fuzzer', function () {
  this.timeout(120_000);

  it('finds a mistake three comparisons deep, tells its case, and finds it again with the same seed', async () => {
    const target: Target<Buffer> = {
      name: 'a parser with a mistake',
      seeds: [Buffer.alloc(16)],
      change: mutate,
      run: (bytes) => {
        if (bytes.length < 12 || bytes.readUInt8(0) !== 0x80) return 'none';
        if (bytes.readUInt16LE(4) !== 0xffff) return 'one';
        if (bytes.readUInt32LE(8) !== 0x7fffffff) return 'two';
        throw new Error('found');
      },
      print: (bytes) => bytes.toString('hex'),
    };
    const findings: string[] = [];
    for (let time = 0; time < 2; time += 1)
      await assert.rejects(
        fuzz(target, { caseCount: 5_000_000, random: new Random(1), nowMs: () => performance.now() }),
        ({ message }: Error) => findings.push(message) > 0,
      );
    assert.match(findings[0] ?? '', /^a parser with a mistake, case \d+: found\n80/);
    assert.equal(findings[1], findings[0]);
  });

  it('says which case does not end, and ends itself', () => {
    const program = `
      import { fuzz, Random, Watchdog } from '${new URL('index.js', import.meta.url).href}';
      const run = (input) => { while (input === 1) {} return 'none'; };
      const target = { name: 'a loop', seeds: [0, 0, 1], change: () => 0, run, print: String };
      const watchdog = await Watchdog.start(200);
      await fuzz(target, { caseCount: 10, random: new Random(1), nowMs: () => 0, watchdog });`;
    const { signal, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
      encoding: 'utf8',
      timeout: 60_000,
    });
    assert.deepEqual([signal, stderr], ['SIGKILL', 'a loop, case 2: it has not ended in 0.2 s\n']);
  });

  it('says that something keeps what cases leave', async () => {
    const kept: number[][] = [];
    const target: Target<number> = {
      name: 'a leak',
      seeds: [1],
      change: () => 1,
      run: (size) => {
        if (size > 0) kept.push(Array.from({ length: 100 }, () => 0.5));
        return 'none';
      },
      print: String,
    };
    const had = globalThis.gc;
    setFlagsFromString('--expose-gc');
    globalThis.gc = runInNewContext('gc') as NonNullable<typeof globalThis.gc>;
    try {
      const options = { random: new Random(1), nowMs: () => performance.now(), maxHeapGrowthBytes: 2 ** 20 };
      await fuzz(target, { ...options, caseCount: 100 });
      await assert.rejects(fuzz(target, { ...options, caseCount: 10_000 }), /a leak: the heap has grown by/);
    } finally {
      globalThis.gc = had;
    }
  });
});
