/**
 * How many runs of pages are read of the images of one migration, all tasks together: what is kept in memory of images that
 * another VM has sent is a few numbers a run, and a run costs its sender 14 bytes.
 *
 * Runs without a page count as well: nothing is kept of them, but they take as long.
 *
 *     what is listed                2^18    16 bytes a run, and 400 more while gRPC makes the answer
 *     all dumps, to be digested     2^20    24 bytes a run
 *
 * With that a landing takes less than 256 MiB, its answer included: 172 MiB were measured, and 386 with 2^19 runs in the list
 * (landed-room.test.ts). CRIU has one run for pages that follow one another and were all written since the dump before, or all
 * not. So a heap is a few runs, however large; of a container of 100 GiB, one for each 400 KiB may be listed. What a
 * round finds written here and there is two runs for each place: half a million places, all rounds together. In Portkey mode
 * the whole address space takes 128 runs of each task (libraries/criu-images/pagemap.ts): 8000 tasks at most.
 */
import { PortkeyError } from '../../../libraries/errors/index.js';

const mostListed = 2 ** 18;
const mostInDumps = 2 ** 20;

export class RunBudget {
  private taken = 0;

  private constructor(
    private readonly what: string,
    private readonly most: number,
  ) {}

  static ofList(images: string): RunBudget {
    return new RunBudget(`the images in ${images}`, mostListed);
  }

  static ofAllDumps(images: string): RunBudget {
    return new RunBudget(`the images in ${images} and in all dumps`, mostInDumps);
  }

  /** Throws `digest-mismatch`. */
  readonly take = (): void => {
    this.taken += 1;
    if (this.taken <= this.most) return;
    throw new PortkeyError(
      'digest-mismatch',
      `${this.what} list pages in more than ${this.most} runs, which are not compared; migrate without --verify`,
    );
  };
}
