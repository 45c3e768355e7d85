/**
 * Memory that is filled from a file as CRIU's restorer fills a task's (criu/pie/restorer.c, preadv_limited): private
 * anonymous pages that nobody has touched, and one `preadv` for all that follows on from one another in the file.
 */
import { closeSync, openSync } from 'node:fs';

import { anonymousMemory, IoVector, type Mapping } from '../../../../libraries/libc/index.js';
import { writeOwnPagemap } from './own-pagemap.js';

export class ReadMemory {
  private constructor(private readonly mapping: Mapping) {}

  static of(file: string, offset: number, byteLength: number): ReadMemory {
    const fd = openSync(file, 'r');
    try {
      const mapping = anonymousMemory(byteLength, 'the memory of a restored task');
      try {
        const vector = new IoVector();
        vector.add(Number(mapping.address), byteLength);
        vector.readAt(fd, offset);
        return new ReadMemory(mapping);
      } catch (error) {
        mapping.close();
        throw error;
      }
    } finally {
      closeSync(fd);
    }
  }

  writePagemap(file: string): void {
    writeOwnPagemap(this.mapping, file);
  }

  close(): void {
    this.mapping.close();
  }
}
