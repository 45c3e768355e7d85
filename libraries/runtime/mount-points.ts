/**
 * The folders that runc needs in a container's root before it can restore it there.
 *
 * `runc restore` makes those that are missing (libcontainer, prepareCriuRestoreMounts), and fails with "file exists" where
 * another restore in the same root makes the same one at that moment. So while any is missing, restores in that root take
 * turns; once the first has made them, they may overlap as they like, since each waits for a container that stands still.
 *
 * Limits: the turns are those of one process; only one restores in a VM.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';

import { KeyedQueue } from '../process/index.js';
import type { ContainerSpec } from '../rpc/index.js';
import { mountPointsOf } from './runc-config.js';

export class MountPoints {
  private readonly turns = new KeyedQueue();

  /** `root`: where the container's root is, as runc takes it. */
  async forRestore<T>(spec: ContainerSpec, root: string, restore: () => Promise<T>): Promise<T> {
    const isThere = (destination: string): boolean => existsSync(path.join(root, destination));
    return mountPointsOf(spec).every(isThere) ? restore() : this.turns.run(spec.rootfs, restore);
  }
}
