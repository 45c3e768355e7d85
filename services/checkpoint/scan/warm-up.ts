/**
 * Has the scan's loops compiled before the first migration needs them.
 *
 * V8 interprets a loop until it has seen it run often; in an emulated guest that costs the first migration of a
 * freshly started agent a second. So made-up pages are looked up and sent a few times when the agent starts. They
 * have what real ones have: runs and scattered frames, absent and file pages, some that move. Between two of them
 * the agent answers whoever asks.
 */
import { setImmediate as otherWork } from 'node:timers/promises';

import { FrameWriter, maxRunsPerSend } from '../../../libraries/hypercall/index.js';
import { PageRanges, rangeFlag } from './page-ranges.js';
import { entryWords } from './pagemap-words.js';
import { TaskMemory, type Pagemap } from './task-memory.js';

const pageCount = 8192;
const rounds = 30;

export async function warmUp(): Promise<void> {
  const frames = new FrameWriter();
  for (let round = 0; round < rounds; round += 1) {
    const memory = new TaskMemory({ pid: 0, namespacePid: 0 }, new MadeUpPages(), 0);
    const pages = memory.snapshot(true);
    const selected = memory.select(memory.due(pages));
    for (const { runs } of selected) {
      if (runs.length <= maxRunsPerSend) frames.encode({ type: 'send', object: 1, runs });
    }
    memory.revalidate(selected);
    memory.select(memory.unsent(pages));
    await otherWork();
  }
}

class MadeUpPages implements Pagemap {
  isCurrent = (): boolean => true;
  close = (): void => undefined;
  clearDirty = (): void => undefined;
  dirtyPageCount = (): number => 0;

  ownPages(): PageRanges {
    const pages = new PageRanges();
    for (let page = 0; page < pageCount; page += 64)
      pages.append(page, 60, page % 128 === 0 ? rangeFlag.softDirty : 0);
    return pages;
  }

  entries(firstPage: number, count: number): Int32Array {
    return this.words(firstPage, count, 0);
  }

  look(firstPage: number, count: number): Int32Array {
    return this.words(firstPage, count, 1);
  }

  private words(firstPage: number, count: number, shift: number): Int32Array {
    const words = new Int32Array(2 * count);
    for (let page = firstPage; page < firstPage + count; page += 1) {
      if (page % 16 === 15) continue;
      const pfn = page % 64 < 48 ? 4096 + page + (page % 64 === 0 ? shift : 0) : 2 ** 33 + page * 3;
      words.set(entryWords({ pfn, file: page % 31 === 0 }), 2 * (page - firstPage));
    }
    return words;
  }
}
