import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';

import { conversationTarget } from './conversation-target.js';
import { framesTarget } from './frames-target.js';
import { fuzz, type Target } from './fuzzer.js';
import { mutate } from './mutate.js';
import { Random } from './random.js';
import { makeScratchFolder } from './scratch-folder.js';
import { streamTarget } from './stream-target.js';
import { openTestRam } from './test-ram.js';

function run<Case>(target: Target<Case>, caseCount: number, seed = 1) {
  return fuzz(target, { caseCount, random: new Random(seed), nowMs: () => performance.now() });
}

describe('fuzzing', function () {
  this.timeout(120_000);
  let root = '';

  before(() => {
    root = makeScratchFolder();
  });

  after(() => rmSync(root, { recursive: true, force: true }));

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
      await assert.rejects(run(target, 5_000_000), ({ message }: Error) => findings.push(message) > 0);
    assert.match(findings[0] ?? '', /^a parser with a mistake, case \d+: found\n80/);
    assert.equal(findings[1], findings[0]);
  });

  it('of frames breaks no rule', async () => {
    const { outcomes } = await run(framesTarget(), 20_000);
    assert.ok(outcomes.size > 100, `${outcomes.size} outcomes`);
  });

  it('of a conversation breaks no rule, and reaches the ends that it must', async () => {
    const test = openTestRam(path.join(root, 'ram'));
    try {
      const { outcomes } = await run(conversationTarget(test), 4_000);
      const all = [...outcomes.keys()].join('\n');
      for (const end of [
        'hello-ok',
        'complete',
        'nonce-mismatch',
        'not RAM',
        'SENDs without',
        'opened twice',
        'stream-broken',
      ])
        assert.ok(all.includes(end), `no case ended with ${end}`);
    } finally {
      test.close();
    }
  });

  it('of a stream breaks no rule, and reaches the ends that it must', async () => {
    const { outcomes } = await run(streamTarget(mkdtempSync(path.join(root, 'landing-'))), 1_500);
    const all = [...outcomes.keys()].join('\n');
    for (const end of ['sealed', 'does not begin with PKST', 'due', 'which is not open'])
      assert.ok(all.includes(end), `no case ended with ${end}`);
  });
});
