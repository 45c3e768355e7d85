import assert from 'node:assert/strict';

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
});
