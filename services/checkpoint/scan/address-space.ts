/**
 * The parts of a task's address space in which pages of its own may be: /proc/PID/maps (kernel: filesystems/proc.rst).
 *
 * Shared mappings (files, memfd, System V) and huge pages of hugetlbfs are left to CRIU's final dump. [vvar] and
 * [vsyscall] belong to the kernel. The [vdso]'s pages are the kernel's too, but CRIU dumps them, because at a restore
 * it compares them with the destination's.
 */
import { PAGE_BYTES } from '../../../libraries/units/index.js';

export interface PageSpan {
  /** Virtual address / 4096. */
  readonly firstPage: number;
  readonly pageCount: number;
}

export interface Mapping extends PageSpan {
  readonly isVdso: boolean;
}

const line = /^([0-9a-f]+)-([0-9a-f]+) ...(.) \S+ \S+ \d+ *(.*)$/;

/** Addresses from here on are the kernel's ([vsyscall]); numbers of that size are not exact in JavaScript. */
const userSpaceEnd = 2 ** 47;

/** A private mapping of hugetlbfs has no file of its own, or one that is gone. */
const hugetlb = /^\/anon_hugepage|^\/dev\/hugepages\//;

/** In order of address, as the kernel lists them. */
export function privateMappings(maps: string): Mapping[] {
  const mappings: Mapping[] = [];
  for (const text of maps.split('\n')) {
    const [, start = '', end = '', sharing, name = ''] = line.exec(text) ?? [];
    const startAddress = parseInt(start, 16);
    if (sharing !== 'p' || startAddress >= userSpaceEnd) continue;
    if (name.startsWith('[vvar') || hugetlb.test(name)) continue;
    mappings.push({
      firstPage: startAddress / PAGE_BYTES,
      pageCount: (parseInt(end, 16) - startAddress) / PAGE_BYTES,
      isVdso: name === '[vdso]',
    });
  }
  return mappings;
}

/** The same with neighbours joined: fewer questions to the kernel. */
export function joined(mappings: readonly Mapping[]): Mapping[] {
  const spans: Mapping[] = [];
  for (const mapping of mappings) {
    const last = spans.at(-1);
    if (last?.isVdso === mapping.isVdso && last.firstPage + last.pageCount === mapping.firstPage) {
      spans[spans.length - 1] = { ...last, pageCount: last.pageCount + mapping.pageCount };
    } else spans.push(mapping);
  }
  return spans;
}

/** What the mapping has outside these spans. They are in order of address and do not overlap, but may reach beyond it. */
export function outside(mapping: PageSpan, spans: readonly PageSpan[]): PageSpan[] {
  const parts: PageSpan[] = [];
  const end = mapping.firstPage + mapping.pageCount;
  let from = mapping.firstPage;
  for (const { firstPage, pageCount } of [...spans, { firstPage: end, pageCount: 0 }]) {
    const until = Math.min(firstPage, end);
    if (until > from) parts.push({ firstPage: from, pageCount: until - from });
    from = Math.max(from, firstPage + pageCount);
  }
  return parts;
}
