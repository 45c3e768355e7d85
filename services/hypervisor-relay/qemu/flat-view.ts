/**
 * `info mtree -f` → where one memory backend stands in the guest's physical address space.
 *
 * QEMU (softmmu/physmem.c, memory.c: mtree_print_flatview) prints one flat view per address space; the one whose
 * root is `system` is what the CPUs see. Its lines that interest here:
 *
 *     0000000100000000-000000013fffffff (prio 0, ram): ram0 @0000000080000000
 *
 * first and last guest address, kind, name of the memory region, offset in it (left out where it is 0); an
 * accelerator's name may follow. All numbers are hexadecimal.
 */
import type { RamSection } from '../ram/ram-map.js';

const viewHead = /^FlatView #\d+/;
const systemRoot = /^\s*Root memory region: system\s*$/;
const ramLine = /^\s*([0-9a-f]{16})-([0-9a-f]{16}) \(prio -?\d+, ram\): (\S+)(?: @([0-9a-f]{16}))?(?:\s.*)?$/;

/** The sections of region `name` in the CPUs' view, by guest address; none where the text does not know it. */
export function sectionsOf(flatViews: string, name: string): RamSection[] {
  const sections: RamSection[] = [];
  let inSystem = false;
  for (const line of flatViews.split(/\r?\n/)) {
    if (viewHead.test(line)) inSystem = false;
    else if (systemRoot.test(line)) inSystem = true;
    const [, first, last, region, offset] = ramLine.exec(line) ?? [];
    if (!inSystem || first === undefined || last === undefined || region !== name) continue;
    const guestAddress = Number.parseInt(first, 16);
    sections.push({
      guestAddress,
      byteLength: Number.parseInt(last, 16) + 1 - guestAddress,
      fileOffset: Number.parseInt(offset ?? '0', 16),
    });
  }
  return sections.sort((a, b) => a.guestAddress - b.guestAddress);
}
