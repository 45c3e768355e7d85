/**
 * The two folders of a VM's share that belong to one migration: `landing/ID` and `outgoing/ID`.
 *
 * The guest can write to the share, so both are reached beneath its descriptor and links are never followed.
 */
import { statfs } from 'node:fs/promises';

import { PortkeyError } from '../../../libraries/errors/index.js';
import { Folder, removeTree } from '../../../libraries/libc/index.js';
import { formatBytes } from '../../../libraries/units/index.js';

const folders = ['landing', 'outgoing'] as const;

export class ShareFolders {
  constructor(
    private readonly vm: string,
    private readonly share: string,
  ) {}

  async freeBytes(): Promise<number> {
    const { bavail, bsize } = await statfs(this.share);
    return bavail * bsize;
  }

  /** Makes the landing folder, empty; returns its path on this host. Throws `no-room`. */
  async makeLanding(migrationId: string, expectedBytes: number): Promise<string> {
    const free = await this.freeBytes();
    if (free < expectedBytes) {
      throw new PortkeyError(
        'no-room',
        `the landing folder of ${this.vm} has ${formatBytes(free)} free, but the container needs ${formatBytes(expectedBytes)}; free space in ${this.share} on its host`,
      );
    }
    return this.within('landing', async (landing) => {
      await removeTree(landing, migrationId);
      landing.folder(migrationId, { create: true }).close();
      return `${landing.path}/${migrationId}`;
    });
  }

  outgoing(migrationId: string): string {
    return `${this.share}/outgoing/${migrationId}`;
  }

  /** Removes both; what is not there is fine. */
  async remove(migrationId: string): Promise<void> {
    for (const name of folders) await this.within(name, (folder) => removeTree(folder, migrationId));
  }

  private async within<T>(name: (typeof folders)[number], act: (folder: Folder) => Promise<T>): Promise<T> {
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
