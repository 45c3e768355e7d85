/** The frame of the kernel's zero page: what a page has that was read and never written. */
import { untouchedPage } from '../../../libraries/libc/index.js';
import { zeroFrame } from '../../../libraries/runtime/index.js';

/** Throws `internal` where the kernel hides frames. */
export function readZeroPfn(): number {
  const page = untouchedPage();
  try {
    return zeroFrame(page.address);
  } finally {
    page.close();
  }
}
