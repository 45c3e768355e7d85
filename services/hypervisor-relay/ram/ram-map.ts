/**
 * Guest-physical addresses → offsets in the VM's RAM file.
 *
 * A map is a list of sections in the order of their addresses; between them there is no RAM of the guest (device
 * windows, ROMs). A guest can only name its own RAM: every run that it sends must lie in sections entirely.
 */
import { PortkeyError } from '../../../libraries/errors/index.js';
import type { RunList } from '../../../libraries/hypercall/index.js';
import { PAGE_BYTES } from '../../../libraries/units/index.js';

export interface RamSection {
  readonly guestAddress: number;
  readonly byteLength: number;
  readonly fileOffset: number;
}

export class RamMap {
  constructor(readonly sections: readonly RamSection[]) {}

  /** RAM of the guest, all sections together. */
  get ramBytes(): number {
    return this.sections.reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  /** How long the RAM file must be at least. */
  get fileBytes(): number {
    return Math.max(0, ...this.sections.map(({ fileOffset, byteLength }) => fileOffset + byteLength));
  }

  /**
   * Calls `each` with the parts of the file, in order, that hold these guest bytes: one, or more where they cross
   * from one section into the next. Throws `bad-run` where a byte of them is not RAM; nothing has been called then.
   */
  locate(
    guestAddress: number,
    byteLength: number,
    each: (fileOffset: number, byteLength: number) => void,
  ): void {
    this.require(guestAddress, byteLength);
    let address = guestAddress;
    const end = guestAddress + byteLength;
    for (const section of this.sections) {
      const within = address - section.guestAddress;
      if (within < 0 || within >= section.byteLength) continue;
      const length = Math.min(end - address, section.byteLength - within);
      each(section.fileOffset + within, length);
      address += length;
      if (address === end) return;
    }
  }

  /** Throws `bad-run`, naming the first run that is not RAM entirely. */
  requireRuns(runs: RunList): void {
    for (let index = 0; index < runs.length; index += 1) {
      this.require(runs.pfn(index) * PAGE_BYTES, runs.count(index) * PAGE_BYTES);
    }
  }

  private require(guestAddress: number, byteLength: number): void {
    let address = guestAddress;
    const end = guestAddress + byteLength;
    for (const section of this.sections) {
      const sectionEnd = section.guestAddress + section.byteLength;
      if (address >= section.guestAddress && address < sectionEnd) address = Math.min(end, sectionEnd);
      if (address === end && byteLength > 0) return;
    }
    throw new PortkeyError(
      'bad-run',
      `${byteLength} bytes at guest address 0x${guestAddress.toString(16)} are not RAM of this VM`,
    );
  }
}
