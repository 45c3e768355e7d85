/**
 * Has the scan's loops compiled before the first migration needs them.
 *
 * V8 interprets a loop until it has seen it run often; in an emulated guest that costs the first migration of a
 * freshly started agent seconds. So a made-up pagemap is scanned a few times when the agent starts. It has what a
 * real one has: present, absent and file pages, runs and scattered frames, dirty and clean ones. Between two
 * scans the agent answers whoever asks.
 */
import { setImmediate as otherWork } from 'node:timers/promises';

import { FrameWriter, maxRunsPerSend, RunList } from '../../../libraries/hypercall/index.js';
import { entryWords } from './pagemap-words.js';
import { PageSet } from './page-set.js';
import { countDirty, selectPages, withdrawMoved, type Block } from './select.js';

const blockPages = 4096;
const rounds = 40;

export async function warmUp(): Promise<void> {
  const sent = new PageSet();
  const frames = new FrameWriter();
  for (let round = 0; round < rounds; round += 1) {
    const block = madeUpBlock(round * blockPages, round % 2 === 0);
    const runs = new RunList();
    selectPages(block, 0, sent, runs);
    if (runs.length <= maxRunsPerSend) frames.encode({ type: 'send', object: 1, runs });
    countDirty(block);
    withdrawMoved(madeUpBlock(round * blockPages, false), runs, sent);
    selectPages(block, 0, sent, new RunList());
    await otherWork();
  }
}

function madeUpBlock(firstPage: number, softDirty: boolean): Block {
  const words = new Uint32Array(2 * blockPages);
  for (let index = 0; index < blockPages; index += 1) {
    if (index % 16 === 15) continue;
    const pfn = index % 64 < 48 ? 4096 + index : 2 ** 33 + index * 3;
    words.set(entryWords({ pfn, file: index % 31 === 0, softDirty }), 2 * index);
  }
  return { firstPage, words, isVdso: false };
}
