import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { fuzz, makeScratchFolder, Random, type Target } from '../../../libraries/fuzzing/index.js';
import { decodersTarget } from './decoders-target.js';
import { landingTarget } from './landing-target.js';
import { uploadsTarget } from './uploads-target.js';
import { WatchedFolders } from './watched-folders.js';

async function outcomesOf<Case>(target: Target<Case>, caseCount: number): Promise<string> {
  const options = { caseCount, random: new Random(1), nowMs: () => performance.now() };
  const { outcomes } = await fuzz(target, options);
  return [...outcomes.keys()].join('\n');
}

function requireEnds(outcomes: string, ends: readonly string[]): void {
  for (const end of ends) assert.ok(outcomes.includes(end), `no case ended with ${end}`);
}

describe('fuzzing of images', function () {
  this.timeout(120_000);
  let root = '';

  before(() => {
    root = makeScratchFolder();
  });

  after(() => rmSync(root, { recursive: true, force: true }));

  const folder = (): string => mkdtempSync(path.join(root, 'target-'));

  it('by the decoders breaks no rule, and reaches the ends that it must', async () => {
    requireEnds(await outcomesOf(decodersTarget(), 20_000), [
      'pages 4 4',
      'is not aligned',
      'is out of order',
      'beyond user space',
      'cut off',
      'an empty record',
      'cannot be read',
      'twice',
      'area',
      'stats true true',
    ]);
  });

  it('of a landing breaks no rule, and reaches the ends that it must', async () => {
    requireEnds(await outcomesOf(landingTarget(folder()), 200), [
      'digested; read',
      'digested in part',
      'regions of',
      'or is behind, a link',
      'leads to',
      'no longer than',
      'behind the end of',
      'did not land whole',
    ]);
  });

  it('of uploads breaks no rule, and reaches the ends that it must', async () => {
    requireEnds(await outcomesOf(uploadsTarget(folder()), 300), [
      'ii files',
      'no-room',
      'already',
      'not the name of an image file',
      'must name it',
    ]);
  });

  it('ends with 2 and a line where an argument is wrong', () => {
    const main = fileURLToPath(new URL('main.js', import.meta.url));
    const { status, stderr } = spawnSync(process.execPath, [main, '--cases', 'ten'], { encoding: 'utf8' });
    assert.deepEqual([status, stderr.split('\n').length], [2, 2]);
    assert.match(stderr, /^--cases 'ten': write a whole number/);
  });

  it('sees what is read, written, made or left open beside a landing, and nothing else', () => {
    const place = folder();
    const folders = new WatchedFolders(place);
    folders.clear();
    writeFileSync(path.join(folders.landing, 'file'), 'may be');
    folders.requireUntouched();
    const outside = path.join(place, 'outside', 'pstree.img');
    const acts: readonly (readonly [act: () => unknown, message: RegExp])[] = [
      [() => readFileSync(outside), /pstree.img was read/],
      [() => writeFileSync(outside, 'x'), /pstree.img was written/],
      [() => writeFileSync(path.join(place, 'outside', 'new'), ''), /made outside/],
      [() => writeFileSync(path.join(place, 'new'), ''), /made beside/],
    ];
    for (const [act, message] of acts) {
      act();
      assert.throws(() => folders.requireUntouched(), message);
      rmSync(path.join(place, 'outside', 'new'), { force: true });
      rmSync(path.join(place, 'new'), { force: true });
      folders.forget();
    }
    const fd = openSync(path.join(place, 'fifo'), constants.O_RDWR | constants.O_NONBLOCK);
    assert.throws(() => folders.requireUntouched(), /descriptors were left open/);
    closeSync(fd);
    folders.requireUntouched();
  });
});
