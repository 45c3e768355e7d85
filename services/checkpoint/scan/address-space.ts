/**
 * Which parts of a task's address space hold pages that are its own: /proc/PID/maps (kernel: filesystems/proc.rst).
 *
 * Only private mappings count: what is shared (files, memfd, System V) CRIU dumps by itself in the final dump.
 * [vvar] and [vsyscall] belong to the kernel. The [vdso]'s pages are the kernel's too, but CRIU dumps them,
 * because at a restore it compares them with the destination's.
 */
import { PAGE_BYTES } from '../../../libraries/units/index.js';

export interface Mapping {
  /** Virtual address / 4096. */
  readonly firstPage: number;
  readonly pageCount: number;
  readonly isVdso: boolean;
}

const line = /^([0-9a-f]+)-([0-9a-f]+) ...(.) \S+ \S+ \d+ *(.*)$/;

/** Addresses from here on are the kernel's ([vsyscall]); numbers of that size are not exact in JavaScript. */
const userSpaceEnd = 2 ** 47;

export function privateMappings(maps: string): Mapping[] {
  const mappings: Mapping[] = [];
  for (const text of maps.split('\n')) {
    const [, start = '', end = '', sharing, name = ''] = line.exec(text) ?? [];
    const startAddress = parseInt(start, 16);
    if (sharing !== 'p' || startAddress >= userSpaceEnd || name.startsWith('[vvar')) continue;
    mappings.push({
      firstPage: startAddress / PAGE_BYTES,
      pageCount: (parseInt(end, 16) - startAddress) / PAGE_BYTES,
      isVdso: name === '[vdso]',
    });
  }
  return mappings;
}
