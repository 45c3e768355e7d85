/** For tests: a thread with a heap of a few MiB that lists, counts or removes a folder, and posts how many entries were there. */
import { parentPort, workerData } from 'node:worker_threads';

import { bytesBelow, filesBelow, Folder, removeTree } from '../index.js';

export interface SmallHeapWork {
  readonly act: 'list' | 'count' | 'remove';
  readonly parent: string;
  readonly name: string;
  /** Where to stop. */
  readonly most: number;
}

const { act, parent, name, most } = workerData as SmallHeapWork;
const opened = Folder.open(parent);
try {
  if (act === 'remove') await removeTree(opened, name, () => Promise.resolve());
  else {
    const folder = opened.folder(name, { create: false });
    try {
      parentPort?.postMessage(act === 'list' ? filesBelow(folder, most).length : bytesBelow(folder, most));
    } finally {
      folder.close();
    }
  }
} finally {
  opened.close();
}
