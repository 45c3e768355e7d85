/**
 * The folders of a migration at its source: the agent's own on tmpfs, and what it leaves for the relay to send.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';

import { encodeInventory, encodePagemap } from '../../libraries/criu-images/index.js';
import type { PresentPages } from './rounds/present-pages.js';

export interface DepartureFolders {
  /** On tmpfs: parent images, work folders, images of CRIU mode. */
  readonly workRoot: string;
  /** The folder shared with the relay. */
  readonly share: string;
}

export class DepartureFiles {
  constructor(
    private readonly folders: DepartureFolders,
    private readonly migrationId: string,
  ) {}

  get work(): string {
    return path.join(this.folders.workRoot, this.migrationId);
  }

  /** Where CRIU writes its final images: straight into the shared folder in Portkey mode. */
  finalImages(mode: 'portkey' | 'criu'): string {
    return path.join(mode === 'portkey' ? this.outgoing : this.work, 'final');
  }

  async make(): Promise<void> {
    await mkdir(this.work, { recursive: true });
  }

  /**
   * Parent images of which CRIU reads only what they list; their pages are at the destination already. Returns
   * the parent's path as seen from the folder `images`.
   */
  writeParent(present: PresentPages, uptimeSeconds: number, images: string): string {
    const folder = path.join(this.work, 'parent');
    mkdirSync(folder, { recursive: true });
    for (const [namespacePid, runs] of present.entries()) {
      const pagemap = encodePagemap({ pagesId: namespacePid, runs });
      writeFileSync(path.join(folder, `pagemap-${namespacePid}.img`), pagemap);
    }
    writeFileSync(path.join(folder, 'inventory.img'), encodeInventory(uptimeSeconds));
    return path.relative(images, folder);
  }

  /** Idempotent. */
  async remove(): Promise<void> {
    await rm(this.work, { recursive: true, force: true });
    await rm(this.outgoing, { recursive: true, force: true });
  }

  private get outgoing(): string {
    return path.join(this.folders.share, 'outgoing', this.migrationId);
  }
}
