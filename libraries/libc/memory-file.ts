/**
 * Files as places of memory: one that is nobody else's, and holes in any.
 */
import { libc, libcError } from './library.js';

const memfdCreate = libc.func('int memfd_create(const char *name, uint32_t flags)') as (
  name: string,
  flags: number,
) => number;
const fallocate = libc.func('int fallocate(int fd, int mode, int64_t offset, int64_t length)') as (
  fd: number,
  mode: number,
  offset: number,
  length: number,
) => number;

const MFD_CLOEXEC = 1;
const FALLOC_FL_KEEP_SIZE = 1;
const FALLOC_FL_PUNCH_HOLE = 2;

/** A file in memory without a path, empty. The caller closes the descriptor. */
export function openMemoryFile(name: string): number {
  const fd = memfdCreate(name, MFD_CLOEXEC);
  if (fd < 0) throw libcError('memfd_create', name);
  return fd;
}

/** These bytes of a file read as zeroes from here on and take no room; its length stays. */
export function punchHole(fd: number, offset: number, byteLength: number): void {
  if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, byteLength) !== 0) {
    throw libcError('fallocate', 'a hole');
  }
}
