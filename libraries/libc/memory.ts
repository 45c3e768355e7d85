/**
 * Memory mappings, each with one owner that unmaps it.
 *
 * A mapping's address is a plain number to the kernel: who uses it after `close` crashes the process. So an address
 * is only read off its owner at the moment of the call that needs it, and the owner outlives that call. JavaScript
 * never gets a view of a mapping: bytes go in and out by system calls, which answer EFAULT instead of crashing.
 */
import { closeSync, openSync, readSync, writeSync } from 'node:fs';

import { PortkeyError } from '../errors/index.js';
import { errnoName, libc, libcError } from './library.js';

type Mmap = (
  address: null,
  length: number,
  protection: number,
  flags: number,
  fd: number,
  offset: number,
) => bigint;
const mmap = libc.func(
  'void *mmap(void *address, size_t length, int protection, int flags, int fd, int64_t offset)',
) as Mmap;
const munmap = libc.func('int munmap(void *address, size_t length)') as (
  address: bigint,
  length: number,
) => number;
const mlock = libc.func('int mlock(void *address, size_t length)') as (
  address: bigint,
  length: number,
) => number;

const madvise = libc.func('int madvise(void *address, size_t length, int advice)') as (
  address: bigint,
  length: number,
  advice: number,
) => number;

const PROT_READ = 1;
const PROT_WRITE = 2;
const MAP_SHARED = 1;
const MAP_PRIVATE = 2;
const MAP_ANONYMOUS = 0x20;
const MADV_HUGEPAGE = 14;
const MADV_NOHUGEPAGE = 15;
const MAP_FAILED = 0xffff_ffff_ffff_ffffn;
const pageBytes = 4096;

/** One mapping of memory. `close` is idempotent; `address` throws after it. */
export class Mapping {
  private open = true;

  constructor(
    private readonly start: bigint,
    readonly byteLength: number,
    private readonly subject: string,
  ) {}

  get address(): bigint {
    if (!this.open) throw new PortkeyError('internal', `${this.subject} is not mapped any more`);
    return this.start;
  }

  close(): void {
    if (!this.open) return;
    this.open = false;
    // SAFETY: start and length are those of a successful mmap, and this is the only place that undoes it.
    if (munmap(this.start, this.byteLength) !== 0) throw libcError('munmap', this.subject);
  }
}

/** The first `byteLength` bytes of an open file, for reading, shared with whoever writes it. */
export function mapFile(fd: number, byteLength: number, subject: string): Mapping {
  return map(byteLength, PROT_READ, MAP_SHARED, fd, subject);
}

/** As `mapFile`, for writing too: what is written through it is in the file at once. The file must be open for both. */
export function mapFileForWriting(fd: number, byteLength: number, subject: string): Mapping {
  return map(byteLength, PROT_READ | PROT_WRITE, MAP_SHARED, fd, subject);
}

/** Memory of this process's own: zeroes, and without a frame until it is touched. */
export function anonymousMemory(byteLength: number, subject: string): Mapping {
  return map(byteLength, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, subject);
}

/** Whether the kernel may have huge pages for it; one that knows none has none. Before it is touched. */
export function allowHugePages(mapping: Mapping, allowed: boolean): void {
  // SAFETY: advice of this kind changes nothing that is in memory, and the mapping is whole.
  if (madvise(mapping.address, mapping.byteLength, allowed ? MADV_HUGEPAGE : MADV_NOHUGEPAGE) === 0) return;
  if (errnoName() !== 'EINVAL') throw libcError('madvise', 'memory');
}

/** A page of this process's own that keeps its frame: anonymous, locked, zeroed. */
export class AnonymousPage {
  private readonly mapping: Mapping;

  constructor() {
    this.mapping = map(pageBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 'a page');
    // SAFETY: the page was just mapped and is this object's alone.
    if (mlock(this.mapping.address, pageBytes) !== 0) {
      const error = libcError('mlock', 'a page');
      this.mapping.close();
      throw error;
    }
  }

  /** Virtual address; its page index is `address / 4096n`. */
  get address(): bigint {
    return this.mapping.address;
  }

  /** Copies `bytes` to the page's start. */
  write(bytes: Buffer): void {
    this.access('r+', 0, bytes.length, (fd, at) => writeSync(fd, bytes, 0, bytes.length, at));
  }

  /** A copy of the page's first bytes. */
  read(byteLength: number): Buffer {
    const bytes = Buffer.alloc(byteLength);
    this.access('r', 0, byteLength, (fd, at) => readSync(fd, bytes, 0, byteLength, at));
    return bytes;
  }

  close(): void {
    this.mapping.close();
  }

  /** Through /proc/self/mem, so that a mistake is an error and not a crash. */
  private access(
    flags: string,
    offset: number,
    byteLength: number,
    act: (fd: number, at: number) => number,
  ): void {
    if (offset + byteLength > pageBytes) {
      throw new PortkeyError('invalid-argument', `${byteLength} bytes do not fit a page`);
    }
    const fd = openSync('/proc/self/mem', flags);
    try {
      if (act(fd, Number(this.address) + offset) !== byteLength) throw libcError('access', 'a page');
    } finally {
      closeSync(fd);
    }
  }
}

export function anonymousPage(): AnonymousPage {
  return new AnonymousPage();
}

/** A page that was never written: what a read of it brings in is the kernel's zero page. */
export function untouchedPage(): Mapping {
  return map(pageBytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 'an untouched page');
}

function map(byteLength: number, protection: number, flags: number, fd: number, subject: string): Mapping {
  // SAFETY: the kernel chooses the address, so nothing that exists is replaced; it checks the rest.
  const address = mmap(null, byteLength, protection, flags, fd, 0);
  if (address === MAP_FAILED) throw libcError('mmap', subject);
  return new Mapping(address, byteLength, subject);
}
