/**
 * A file on the guest's own tmpfs whose pages are granted to the host: all of them there, and pinned.
 *
 *     made ──(the host writes into its frames)──▶ filled ──release──▶ gone
 *
 * Pinning brings the pages in, zeroed by the kernel, which is what allocating costs. Invariant: nobody but the host
 * writes the pages until the release, and the host does not write after it has been told of it.
 */
import { closeSync, ftruncateSync, openSync, rmSync } from 'node:fs';
import path from 'node:path';

import { mapFileForWriting, PinnedMemory, type Mapping } from '../../../../libraries/libc/index.js';
import { writeOwnPagemap } from './own-pagemap.js';

export class GrantedFile {
  private constructor(
    readonly path: string,
    private readonly mapping: Mapping,
    private readonly pinned: PinnedMemory,
  ) {}

  static make(folder: string, byteLength: number): GrantedFile {
    const file = path.join(folder, 'granted');
    const fd = openSync(file, 'w+');
    let mapping: Mapping | undefined;
    try {
      ftruncateSync(fd, byteLength);
      mapping = mapFileForWriting(fd, byteLength, file);
      return new GrantedFile(file, mapping, PinnedMemory.pin([mapping]));
    } catch (error) {
      mapping?.close();
      rmSync(file);
      throw error;
    } finally {
      closeSync(fd);
    }
  }

  writePagemap(file: string): void {
    writeOwnPagemap(this.mapping, file);
  }

  release(): void {
    this.pinned.release();
    this.mapping.close();
    rmSync(this.path);
  }
}
