/**
 * CRIU mode: one round is one `runc checkpoint --pre-dump` to a page server in the destination VM.
 *
 * Image folders are <work>/0, 1, … and `final`, each dump naming the one before as its parent; with a page server
 * they hold only what is not pages. Dirty pages are counted by our own scan afterwards: it costs a fraction of the
 * extra pre-dump that CRIU's own tools would need to learn the same.
 */
import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';

import { decodeDumpStats, type DumpStats } from '../../../libraries/criu-images/index.js';
import { PortkeyError } from '../../../libraries/errors/index.js';
import { secondsSince, type Clock } from '../../../libraries/process/index.js';
import type { PageServer, RoundResult } from '../../../libraries/rpc/index.js';
import { tasksOf, type ContainerHost, type Runc } from '../../../libraries/runtime/index.js';
import { PAGE_BYTES } from '../../../libraries/units/index.js';
import { TaskPagemap, type PagemapReader } from '../scan/task-pagemap.js';
import { emptyResult, type RoundOptions } from './round.js';
import { RoundMeter } from './round-meter.js';

export interface CriuRoundParts {
  readonly container: string;
  readonly runc: Runc;
  readonly host: ContainerHost;
  /** Folder of this migration, on tmpfs. */
  readonly work: string;
  readonly clock: Clock;
  readonly reader: PagemapReader;
  /** What the agent has used of its CPU so far. */
  readonly cpuSeconds: () => number;
}

export class CriuRounds {
  private done = 0;

  constructor(private readonly parts: CriuRoundParts) {}

  async run(options: RoundOptions, pageServer: PageServer | null): Promise<RoundResult> {
    const { clock, container, runc, host } = this.parts;
    // The frozen container's pages go with the final dump, which is CRIU's own last round.
    if (options.last) return emptyResult;
    if (pageServer === null)
      throw new PortkeyError('invalid-argument', 'a round in CRIU mode needs a page server');
    const startMs = clock.monotonicMs();
    const images = path.join(this.parts.work, String(this.done));
    await mkdir(images, { recursive: true });
    await runc.checkpoint({
      name: container,
      images,
      work: images,
      parent: this.parent(),
      pageServer,
      preDump: true,
      onStart: host.expectWorker(container),
    });
    this.done += 1;
    const { pagesWritten } = readDumpStats(images);
    options.onProgress({ pagesSent: pagesWritten, pagesTotal: pagesWritten, hypercalls: 0 });
    const tasks = tasksOf(container);
    const scanStartMs = clock.monotonicMs();
    const cpu = new RoundMeter(this.parts.cpuSeconds);
    const dirtyPagesAfter = tasks.reduce(
      (sum, task) => sum + dirtyPagesOf(TaskPagemap.open(task, this.parts.reader)),
      0,
    );
    cpu.spentOn('scanSeconds');
    return {
      ...emptyResult,
      pages: pagesWritten,
      bytes: pagesWritten * PAGE_BYTES,
      dirtyPagesAfter,
      scanSeconds: secondsSince(clock, scanStartMs),
      seconds: secondsSince(clock, startMs),
      taskCount: tasks.length,
      cpu: cpu.result,
    };
  }

  /** The last pre-dump's folder, relative to the next dump's; undefined before the first. */
  parent(): string | undefined {
    return this.done === 0 ? undefined : `../${this.done - 1}`;
  }
}

/** CRIU writes its statistics beside its log. */
export function readDumpStats(work: string): DumpStats {
  return decodeDumpStats(readFileSync(path.join(work, 'stats-dump')));
}

function dirtyPagesOf(pagemap: TaskPagemap | undefined): number {
  if (pagemap === undefined) return 0;
  try {
    return pagemap.dirtyPageCount();
  } finally {
    pagemap.close();
  }
}
