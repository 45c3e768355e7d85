/**
 * A VM's RAM, mapped into this process, with the map that finds guest pages in it.
 *
 * Owned by its users together: whoever holds it keeps it mapped (`retain`), the last `release` unmaps it. A VM that
 * was started anew has a new RAM file under the old name; `isCurrent` tells, and the VM's next HELLO then makes
 * a new one, while streams of the old VM end with the old one.
 */
import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';

import { PortkeyError } from '../../../libraries/errors/index.js';
import { errorCodeOf, mapFile, type Mapping } from '../../../libraries/libc/index.js';
import { formatBytes } from '../../../libraries/units/index.js';
import type { RamMap } from './ram-map.js';
import type { MappedRam } from './zero-pages.js';

export class GuestRam {
  private users = 1;

  private constructor(
    private readonly file: string,
    private readonly fd: number,
    private readonly mapping: Mapping,
    private readonly inode: number,
    readonly map: RamMap,
  ) {}

  /** The caller is its first user. Throws `ram-not-shared` where the file is missing or too short for the map. */
  static open(vm: string, file: string, map: RamMap): GuestRam {
    const fd = openRamFile(vm, file);
    try {
      const { ino, size } = fstatSync(fd);
      if (size < map.fileBytes) {
        throw notShared(
          vm,
          `${file} has ${formatBytes(size)}, its RAM ${formatBytes(map.fileBytes)}; check ramFile`,
        );
      }
      return new GuestRam(file, fd, mapFile(fd, map.fileBytes, file), ino, map);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  /** Those who hold it; 0 when it is unmapped. */
  get userCount(): number {
    return this.users;
  }

  /** For a thread of the caller's, which may use it while the caller is a user. */
  get mapped(): MappedRam {
    return { fd: this.fd, address: Number(this.mapping.address), sections: this.map.sections };
  }

  /** Whether the file's name still means this RAM, mapped in this way. */
  isCurrent(map: RamMap): boolean {
    return (
      JSON.stringify(map.sections) === JSON.stringify(this.map.sections) &&
      statSync(this.file, { throwIfNoEntry: false })?.ino === this.inode
    );
  }

  /** A copy of some of the guest's bytes. Throws `bad-run` where they are not RAM. */
  read(guestAddress: number, byteLength: number): Buffer {
    const parts: Buffer[] = [];
    this.map.locate(guestAddress, byteLength, (fileOffset, length) => {
      const part = Buffer.alloc(length);
      readSync(this.fd, part, 0, length, fileOffset);
      parts.push(part);
    });
    return Buffer.concat(parts);
  }

  retain(): this {
    this.users += 1;
    return this;
  }

  release(): void {
    this.users -= 1;
    if (this.users > 0) return;
    this.mapping.close();
    closeSync(this.fd);
  }
}

function openRamFile(vm: string, file: string): number {
  try {
    return openSync(file, 'r');
  } catch (error) {
    const reason = errorCodeOf(error) === 'ENOENT' ? 'does not exist' : `cannot be opened: ${String(error)}`;
    throw notShared(vm, `${file} ${reason}; check ramFile, and start the VM with share=on`);
  }
}

function notShared(vm: string, problem: string): PortkeyError {
  return new PortkeyError('ram-not-shared', `the RAM of ${vm} cannot be read by this host: ${problem}`);
}
