/**
 * The two folders of a VM's share that belong to one migration: `landing/ID` and `outgoing/ID`.
 *
 * The guest can write to the share, so both are reached beneath its descriptor and links are never followed, whoever opens
 * them, and when. So what others get of them is a name below the share, and no path.
 * A page lands at its virtual address of a sparse file, so the share's file system must take files as long as the
 * address space. Some do not (ext4 ends at 16 TiB), and that would show in the middle of a migration only, at the
 * first stack or library; so it is tried before anything lands.
 *
 * A guest can leave so much there that removing it takes minutes, and whoever asks for it asks again meanwhile. So each folder
 * has one removal at a time, in bounded memory (libraries/libc/folder-tree.ts); who asks for it while it runs, joins it.
 */
import { closeSync, ftruncateSync, unlinkSync } from 'node:fs';
import { statfs } from 'node:fs/promises';

import { asPortkeyError, PortkeyError } from '../../../libraries/errors/index.js';
import {
  errorCodeOf,
  Folder,
  removeTree,
  type FolderPlace,
  type Rest,
} from '../../../libraries/libc/index.js';
import { formatBytes } from '../../../libraries/units/index.js';

const folders = ['landing', 'outgoing'] as const;
type FolderName = (typeof folders)[number];
/** No migration's id begins with a dot. */
const probeName = '.probe';
/** Where a task's addresses end with four levels of page tables (kernel: arch/x86/x86_64/mm.rst). */
const addressSpaceBytes = 2 ** 47;

export class ShareFolders {
  /** That run now, by the folder's path in the share. */
  private readonly removals = new Map<string, Promise<void>>();

  constructor(
    private readonly vm: string,
    private readonly share: string,
    /** While something is removed: the VM whose share it is has the thread for a part of the time only. */
    private readonly rest: Rest,
    private readonly setLength: (fd: number, byteLength: number) => void = ftruncateSync,
  ) {}

  async freeBytes(): Promise<number> {
    const { bavail, bsize } = await statfs(this.share);
    return bavail * bsize;
  }

  /** Makes the landing folder, empty; returns where it is. Throws `no-room`, also where files end too early. */
  async makeLanding(migrationId: string, expectedBytes: number): Promise<FolderPlace> {
    const free = await this.freeBytes();
    if (free < expectedBytes) {
      throw new PortkeyError(
        'no-room',
        `the landing folder of ${this.vm} has ${formatBytes(free)} free, but the container needs ${formatBytes(expectedBytes)}; free space in ${this.share} on its host`,
      );
    }
    await this.within('landing', (landing) => this.requireLongFiles(landing));
    await this.removeOne('landing', migrationId);
    await this.within('landing', (landing) => landing.folder(migrationId, { create: true }).close());
    return this.place('landing', migrationId);
  }

  /** What would keep any migration from landing here: a line each, with the way out. */
  async problems(): Promise<string[]> {
    try {
      await this.within('landing', (landing) => this.requireLongFiles(landing));
      return [];
    } catch (thrown) {
      return [asPortkeyError(thrown).message];
    }
  }

  outgoing(migrationId: string): FolderPlace {
    return this.place('outgoing', migrationId);
  }

  /** Removes both; what is not there is fine. */
  async remove(migrationId: string): Promise<void> {
    for (const name of folders) await this.removeOne(name, migrationId);
  }

  private place(name: FolderName, migrationId: string): FolderPlace {
    return { root: this.share, name: `${name}/${migrationId}` };
  }

  private removeOne(name: FolderName, migrationId: string): Promise<void> {
    const path = `${name}/${migrationId}`;
    const running = this.removals.get(path);
    if (running !== undefined) return running;
    const removal = this.within(name, (folder) => removeTree(folder, migrationId, this.rest)).finally(() =>
      this.removals.delete(path),
    );
    this.removals.set(path, removal);
    return removal;
  }

  private requireLongFiles(landing: Folder): void {
    const fd = landing.openForWriting(probeName);
    try {
      this.setLength(fd, addressSpaceBytes);
    } catch (cause) {
      if (errorCodeOf(cause) !== 'EFBIG') throw cause;
      throw new PortkeyError(
        'no-room',
        `the share of ${this.vm}, ${this.share}, is on a file system whose files end before ${formatBytes(addressSpaceBytes)}, but a page lands at its address; put the share on tmpfs or XFS`,
        { cause },
      );
    } finally {
      closeSync(fd);
      unlinkSync(`/proc/self/fd/${landing.fd}/${probeName}`);
    }
  }

  private async within<T>(name: FolderName, act: (folder: Folder) => T | Promise<T>): Promise<T> {
    const share = Folder.open(this.share);
    try {
      const folder = share.folder(name, { create: true });
      try {
        return await act(folder);
      } finally {
        folder.close();
      }
    } finally {
      share.close();
    }
  }
}
