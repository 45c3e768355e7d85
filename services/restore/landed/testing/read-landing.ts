/**
 * Program of landed-room.test.ts: lists and digests images in a process of its own, whose memory is its own, too.
 *
 *     node read-landing.js IMAGES     prints a `LandingRead` as JSON
 *
 * The list is made into an answer, as the service does. The images have no pages, so that digesting ends with the first one:
 * all that it keeps of them is in memory by then.
 */
import { asPortkeyError } from '../../../../libraries/errors/index.js';
import { systemClock } from '../../../../libraries/process/index.js';
import { definitionOf, type PageList } from '../../../../libraries/rpc/index.js';
import { digestLanded } from '../digest-landed.js';
import { listPages } from '../landed-images.js';

export interface LandingRead {
  /** Of all tasks, or why there is none. */
  readonly list: number | string;
  readonly digest: string;
  /** What it took at its peak, more than before. */
  readonly kibibytes: number;
  readonly cpuSeconds: number;
}

const [images = ''] = process.argv.slice(2);
const answerOf = (list: PageList): void => void definitionOf('Restore').ListPages?.responseSerialize(list);
answerOf({ tasks: [] });
const before = process.resourceUsage().maxRSS;
const cpuBefore = process.cpuUsage();

const list = await listAnswer();
const digest = await digestFirst();
const { user, system } = process.cpuUsage(cpuBefore);
const read: LandingRead = {
  list,
  digest,
  kibibytes: process.resourceUsage().maxRSS - before,
  cpuSeconds: (user + system) / 1e6,
};
console.log(JSON.stringify(read));

async function listAnswer(): Promise<number | string> {
  try {
    const pages = await listPages(images, new AbortController().signal);
    answerOf(pages);
    return pages.tasks.reduce((sum, { runs }) => sum + runs.length / 2, 0);
  } catch (error) {
    return asPortkeyError(error).message;
  }
}

async function digestFirst(): Promise<string> {
  try {
    await digestLanded({ clock: systemClock, cpuSeconds: () => 0 }, images, new AbortController().signal);
    return 'digested';
  } catch (error) {
    return asPortkeyError(error).message;
  }
}
