/**
 * Objects of shared memory (memfd, shared anonymous mappings, System V) of frozen tasks, and what they hold.
 *
 * CRIU names an object's images by its inode number (criu/proc_parse.c, criu/memfd.c). It is looked for by that among what the
 * tasks have mapped (/proc/PID/map_files, man proc_pid_map_files), then among what they have open. Either opens the object
 * itself, so that its pages are read as a file's, whether or not a task has them in its page tables.
 *
 * Limits: an object that no task has mapped or open, as a System V segment that nobody is attached to, is not found, nor are
 * huge pages, which CRIU numbers in its own way.
 */
import { closeSync, fstatSync, openSync, readdirSync, readFileSync, readlinkSync, readSync } from 'node:fs';

import { PortkeyError } from '../../../libraries/errors/index.js';
import { dataOf } from '../../../libraries/libc/index.js';
import type { Task } from '../../../libraries/runtime/index.js';
import { PAGE_BYTES } from '../../../libraries/units/index.js';
import type { PageSpan } from '../scan/address-space.js';
import { hex } from './task-content.js';

type FrozenTask = Pick<Task, 'pid'>;

/** Name of what the kernel keeps in its own tmpfs (mm/shmem.c). */
const kernelNames = /^\/(memfd:|SYSV|dev\/zero \(deleted\)$)/;
/** Address range, inode, name: /proc/PID/maps (kernel: filesystems/proc.rst). */
const mapped = /^([0-9a-f]+-[0-9a-f]+) \S+ \S+ \S+ (\d+) +(.*)$/;

/** The paths by which these objects can be opened, by inode number. */
export function findSharedMemory(
  tasks: readonly FrozenTask[],
  wanted: ReadonlySet<number>,
): Map<number, string> {
  const paths = new Map<number, string>();
  for (const look of [mappedObjects, openObjects]) {
    for (const { pid } of tasks) {
      if (paths.size === wanted.size) return paths;
      for (const [inode, path] of look(pid))
        if (wanted.has(inode) && !paths.has(inode)) paths.set(inode, path);
    }
  }
  return paths;
}

function* mappedObjects(pid: number): Generator<readonly [number, string]> {
  for (const line of readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n')) {
    const [, range = '', inode = '', name = ''] = mapped.exec(line) ?? [];
    if (kernelNames.test(name)) yield [Number(inode), `/proc/${pid}/map_files/${rangeName(range)}`];
  }
}

/** The kernel writes these addresses without the zeroes that /proc/PID/maps fills them up with. */
function rangeName(range: string): string {
  return range.replaceAll(/(^|-)0+(?=[0-9a-f])/g, '$1');
}

function* openObjects(pid: number): Generator<readonly [number, string]> {
  for (const fd of readdirSync(`/proc/${pid}/fd`)) {
    const path = `/proc/${pid}/fd/${fd}`;
    if (!kernelNames.test(readlinkSync(path))) continue;
    const opened = openSync(path, 'r');
    try {
      yield [fstatSync(opened).ino, path];
    } finally {
      closeSync(opened);
    }
  }
}

/** One object. The owner closes it. */
export class SharedMemory {
  private constructor(
    private readonly inode: number,
    private readonly fd: number,
    /** In whole pages. */
    private readonly byteLength: number,
  ) {}

  static open(inode: number, path: string): SharedMemory {
    const fd = openSync(path, 'r');
    const { size } = fstatSync(fd);
    return new SharedMemory(inode, fd, Math.ceil(size / PAGE_BYTES) * PAGE_BYTES);
  }

  /** What was ever written of it, by page. */
  *written(): Generator<PageSpan> {
    for (const [start, end] of dataOf(this.fd)) {
      const firstPage = Math.floor(start / PAGE_BYTES);
      yield { firstPage, pageCount: Math.ceil(end / PAGE_BYTES) - firstPage };
    }
  }

  /** Throws `digest-mismatch` where it is not as long. */
  read(page: number, into: Buffer): void {
    const offset = page * PAGE_BYTES;
    if (offset + into.length > this.byteLength) {
      throw new PortkeyError(
        'digest-mismatch',
        `the page at ${hex(Math.max(offset, this.byteLength))} of shared memory ${this.inode} landed, but the frozen one ends at ${hex(this.byteLength)}`,
      );
    }
    let done = 0;
    for (let read = -1; read !== 0 && done < into.length; done += read)
      read = readSync(this.fd, into, done, into.length - done, offset + done);
    // Behind its end, within the last page.
    into.fill(0, done);
  }

  close(): void {
    closeSync(this.fd);
  }
}
