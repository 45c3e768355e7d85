import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';

import {
  fuzz,
  makeScratchFolder,
  Random,
  type FuzzResult,
  type Target,
} from '../../../libraries/fuzzing/index.js';
import { admissionTarget } from './admission-target.js';
import { answersTarget } from './answers-target.js';
import { conversationTarget } from './conversation-target.js';
import { framesTarget } from './frames-target.js';
import { messagesTarget } from './messages-target.js';
import { streamTarget } from './stream-target.js';
import { openTestRam } from './test-ram.js';

function run<Case>(target: Target<Case>, caseCount: number, seed = 1) {
  return fuzz(target, { caseCount, random: new Random(seed), nowMs: () => performance.now() });
}

function requireEnds({ outcomes }: FuzzResult, ends: readonly string[]): void {
  const all = [...outcomes.keys()].join('\n');
  for (const end of ends) assert.ok(all.includes(end), `no case ended with ${end}`);
}

describe('fuzzing', function () {
  this.timeout(120_000);
  let root = '';

  before(() => {
    root = makeScratchFolder();
  });

  after(() => rmSync(root, { recursive: true, force: true }));

  const folder = (): string => mkdtempSync(path.join(root, 'target-'));

  it('of frames breaks no rule', async () => {
    const { outcomes } = await run(framesTarget(), 20_000);
    assert.ok(outcomes.size > 100, `${outcomes.size} outcomes`);
  });

  it('of a conversation breaks no rule, and reaches the ends that it must', async () => {
    const test = openTestRam(path.join(root, 'ram'));
    try {
      requireEnds(await run(conversationTarget(test), 4_000), [
        'hello-ok',
        'complete',
        'nonce-mismatch',
        'not RAM',
        'SENDs without',
        'opened twice',
        'stream-broken',
        'QEMU does not say',
      ]);
    } finally {
      test.close();
    }
  });

  it('of a stream breaks no rule, and reaches the ends that it must', async () => {
    requireEnds(await run(streamTarget(folder()), 1_500), [
      'sealed',
      'does not begin with PKST',
      'due',
      'which is not open',
    ]);
  });

  it('of messages of a stream breaks no rule, and reaches the ends that it must', async () => {
    requireEnds(await run(messagesTarget(folder()), 2_000), [
      'batch close drop end file object zero: sealed',
      'batch object: stream-broken',
      'opened twice',
      'which is not open',
      'pages beyond',
      'where it does not belong',
      'was due',
      'is not the name of a file',
      'share-tampered',
      'no-room',
    ]);
  });

  it('of who comes to a landing breaks no rule, and reaches the ends that it must', async () => {
    requireEnds(await run(admissionTarget(), 1_500), [
      'admitted: ',
      'none: ',
      'did not come in time',
      'no stream came',
      'token does not admit',
      'has stream # already',
      'begins with HELLO',
    ]);
  });

  it('of the answers to a stream breaks no rule, and reaches the ends that it must', async () => {
    const test = openTestRam(path.join(root, 'ram'));
    const target = answersTarget(test);
    try {
      requireEnds(await run(target, 2_000), [
        'many ended',
        'i no-room refused',
        'was not sent',
        'closed the stream',
        'does not begin with PKST',
        'middle of a message',
        'unasked',
        'is not the landing',
      ]);
    } finally {
      target.close();
      test.close();
    }
  });
});
