import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';

import { fuzz, makeScratchFolder, Random, type Target } from '../../../libraries/fuzzing/index.js';
import { conversationTarget } from './conversation-target.js';
import { framesTarget } from './frames-target.js';
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
