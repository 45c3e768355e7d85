/** Where a sparse file has content of its own (lseek(2), SEEK_DATA and SEEK_HOLE): what was never written there is not looked at. */
import { errnoName, libc, libcError } from './library.js';

const lseek = libc.func('int64_t lseek(int fd, int64_t offset, int whence)') as (
  fd: number,
  offset: number,
  whence: number,
) => number;

const SEEK_DATA = 3;
const SEEK_HOLE = 4;

/** By offset, in bytes, each as `[start, end)`. Moves the descriptor's position. */
export function* dataOf(fd: number): Generator<readonly [number, number]> {
  for (let offset = 0; ;) {
    const start = lseek(fd, offset, SEEK_DATA);
    if (start < 0) {
      // No more of it.
      if (errnoName() === 'ENXIO') return;
      throw libcError('lseek', 'a file for its data');
    }
    const end = lseek(fd, start, SEEK_HOLE);
    if (end < 0) throw libcError('lseek', 'a file for its holes');
    yield [start, end];
    offset = end;
  }
}
