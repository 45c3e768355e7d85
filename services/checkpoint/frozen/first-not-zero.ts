/** What is to read as zeroes, looked through page by page. */
import { PAGE_BYTES } from '../../../libraries/units/index.js';
import type { PageSpan } from '../scan/address-space.js';

const zeroes = Buffer.alloc(PAGE_BYTES);

/** The first of these pages that holds anything but zeroes. Throws what `read` throws. */
export function firstNotZero(
  spans: readonly PageSpan[],
  read: (page: number, into: Buffer) => void,
): number | undefined {
  const content = Buffer.allocUnsafeSlow(PAGE_BYTES);
  for (const { firstPage, pageCount } of spans) {
    for (let page = firstPage; page < firstPage + pageCount; page += 1) {
      read(page, content);
      if (!content.equals(zeroes)) return page;
    }
  }
  return undefined;
}
