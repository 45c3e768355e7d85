/**
 * Any bytes, as an image of CRIU, into each of the decoders.
 *
 * Rules: what is wrong is `internal` and says which file it is, never another error; pages that were decoded are pages that
 * user space has, by address, each once, and the same when they are encoded again; what is decoded takes no more than what
 * came.
 */
import assert from 'node:assert/strict';

import { encodeImage, magic } from '../../../libraries/criu-images/image-file.js';
import {
  decodeDumpStats,
  decodePagemap,
  decodeProcessTree,
  decodeRseqArea,
  encodePagemap,
  type Pagemap,
} from '../../../libraries/criu-images/index.js';
import { asPortkeyError } from '../../../libraries/errors/index.js';
import { Random, withoutNumbers, type Target } from '../../../libraries/fuzzing/index.js';
import {
  bytesField,
  changeImage,
  field,
  hostileCore,
  hostilePagemap,
  hostileStats,
  hostileTree,
} from './hostile-images.js';
import { imagesOfTwoTasks } from './valid-landing.js';

/** Virtual address / 4096, with four levels of page tables. */
const userPageCount = 2 ** 35;

export function decodersTarget(): Target<Buffer> {
  const random = new Random(1);
  const group = Buffer.alloc(400, 0x0b);
  return {
    name: 'images of CRIU',
    seeds: [
      hostileStats(random),
      hostilePagemap(random),
      hostileTree(random),
      hostileCore(random),
      encodeImage([magic.common, magic.pagemap], [field(1, 1n), group]),
      encodeImage([magic.common, magic.core], [bytesField(5, bytesField(15, field(1, 2n ** 63n)))]),
      ...imagesOfTwoTasks().map(({ content }) => content),
    ],
    change: changeImage,
    run: (bytes) =>
      [
        outcomeOf('pagemap', () => requirePagemap(decodePagemap('pagemap', bytes), bytes.length)),
        outcomeOf('pstree', () => {
          const processes = decodeProcessTree('pstree', bytes);
          const numbers = processes.flatMap(({ pid, threads }) => [pid, ...threads]);
          assert.ok(numbers.length * 2 <= bytes.length + 2 * processes.length, 'more threads than came');
          return `${Math.min(processes.length, 4)} processes`;
        }),
        outcomeOf('core', () => {
          const area = decodeRseqArea('core', bytes);
          if (area === undefined) return 'none';
          requireNumbers([area.address, area.byteLength]);
          return 'area';
        }),
        outcomeOf('stats', () => {
          const { pagesWritten, pagesInParent } = decodeDumpStats(bytes);
          return `stats ${pagesWritten > 0} ${pagesInParent > 0}`;
        }),
      ]
        .filter((outcome) => !outcome.includes('is not the CRIU image'))
        .join('; '),
    print: (bytes) => bytes.toString('hex'),
  };
}

function outcomeOf(name: string, decode: () => string): string {
  try {
    return decode();
  } catch (thrown) {
    if (thrown instanceof assert.AssertionError) throw thrown;
    const { code, message, cause } = asPortkeyError(thrown);
    assert.ok(thrown !== cause && code === 'internal', `${name}: ${String(thrown)}`);
    assert.ok(message.includes(name) || message.includes('stats-dump'), `${message} does not say of what`);
    return withoutNumbers(message);
  }
}

function requirePagemap(pagemap: Pagemap, byteLength: number): string {
  let end = 0;
  for (const { page, pageCount, flags } of pagemap.runs) {
    requireNumbers([page, pageCount, flags]);
    assert.ok(page >= end && pageCount > 0, `page ${page} is out of order`);
    end = page + pageCount;
  }
  assert.ok(end <= userPageCount, `page ${end} is beyond user space`);
  assert.ok(pagemap.runs.length * 4 <= byteLength, 'more runs than came');
  // It counts pages in 32 bits, as CRIU's older versions do.
  if (pagemap.runs.every(({ pageCount }) => pageCount < 2 ** 32))
    assert.deepEqual(decodePagemap('pagemap', encodePagemap(pagemap)), pagemap);
  const kinds = pagemap.runs.slice(0, 4).map(({ flags }) => flags & 7);
  return `pages ${kinds.join(' ')}`;
}

function requireNumbers(numbers: readonly number[]): void {
  for (const number of numbers)
    assert.ok(Number.isSafeInteger(number) && number >= 0, `${number} is not a number that can be sent on`);
}
