/**
 * Pieces of memory, gathered in one place of 256 KiB at a time: a file in memory that is mapped.
 *
 * `pwritev` copies them there. So guest RAM is read by a system call, as everywhere: RAM that went away is an error here and
 * no crash, as it would be in OpenSSL's hands. For long runs that copy is 0.25 s a GiB; reading the RAM file, or
 * `process_vm_readv`, took more.
 */
import { closeSync, ftruncateSync } from 'node:fs';

import { IoVector, mapFileForWriting, openMemoryFile, type Mapping } from '../../../libraries/libc/index.js';

/** Fits a core's second-level cache, and is sixteen records of TLS. */
const gatheredBytes = 256 * 1024;

/** `close` frees both. One thread uses it at a time. */
export class GatheredMemory {
  private readonly file = openMemoryFile('gathered');
  private readonly mapping: Mapping;
  private readonly pieces = new IoVector();

  constructor() {
    try {
      ftruncateSync(this.file, gatheredBytes);
      this.mapping = mapFileForWriting(this.file, gatheredBytes, 'gathered memory');
    } catch (error) {
      closeSync(this.file);
      throw error;
    }
  }

  /** Calls `use` with each part of the vector in turn, which is at the address until it returns; then clears the vector. */
  take(vector: IoVector, use: (address: bigint, byteLength: number) => void): void {
    this.pieces.clear();
    vector.forEach((address, byteLength) => {
      for (let taken = 0; taken < byteLength;) {
        const length = Math.min(byteLength - taken, gatheredBytes - this.pieces.byteLength);
        this.pieces.add(address + taken, length);
        taken += length;
        if (this.pieces.isFull || this.pieces.byteLength === gatheredBytes) this.gather(use);
      }
    });
    if (this.pieces.pieces > 0) this.gather(use);
    vector.clear();
  }

  close(): void {
    this.mapping.close();
    closeSync(this.file);
  }

  private gather(use: (address: bigint, byteLength: number) => void): void {
    const { byteLength } = this.pieces;
    // SAFETY of the addresses: whoever filled the vector keeps them until this returns.
    this.pieces.writeAt(this.file, 0);
    use(this.mapping.address, byteLength);
  }
}
