/**
 * Which of a migration's streams a page goes by: its *stripe* of the object, in turn.
 *
 *     page   0 … 511 │ 512 … 1023 │ 1024 … 1535 │ …
 *     stream    0    │     1      │      0      │ …        (of two)
 *
 * Goal: several threads send and several receive, and yet a page that is sent again never loses to its own past. So
 * the stream is a function of the page and of nothing else: not of the object's number, because a later round may open
 * the same file under another, nor of what is in flight. All that is ever sent of a page goes by one stream, which keeps
 * order; streams need not wait for one another, and no round needs a barrier.
 *
 * The shares of a SEND keep the order of its runs. Limits: an object that is smaller than a stripe has one stream,
 * and one object's file is written by all of them, which the kernel lets in one after the other.
 */
import { RunList } from '../../../libraries/hypercall/index.js';

/** 2 MiB: a SEND of a few MiB has work for every stream, and cuts contiguous runs into few pieces. */
export const stripePages = 512;

/** A SEND's share for each stream, undefined where it has none. One stream gets the list itself. */
export function shareOut(runs: RunList, streamCount: number): (RunList | undefined)[] {
  if (streamCount === 1) return [runs];
  const shares: (RunList | undefined)[] = Array.from({ length: streamCount }, () => undefined);
  for (let index = 0; index < runs.length; index += 1) {
    const first = runs.page(index);
    const pfnOfFirst = runs.pfn(index);
    const count = runs.count(index);
    for (let done = 0; done < count;) {
      const page = first + done;
      const taken = Math.min(count - done, stripePages - (page % stripePages));
      const stream = Math.floor(page / stripePages) % streamCount;
      (shares[stream] ??= new RunList()).push(pfnOfFirst + done, taken, page);
      done += taken;
    }
  }
  return shares;
}
