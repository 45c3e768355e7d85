/**
 * The migrations that have ended in this VM: an empty file each, `<id>`, and `@<id>` for one that may yet end.
 *
 * Goal: a migration that has ended here claims nothing any more: a call of it may have been on its way for long, and nobody
 * would take its claim away again. The last `kept` of them are remembered.
 * Invariant: a migration that claims something here has its file, under the second name, before it does, and to end takes
 * nothing but the first one: also on a full file system, where no file can be made (in-place.ts).
 * Limits: the second name of a migration that an agent was claiming for when it was killed stays until that one ends here.
 */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { PortkeyError } from '../errors/index.js';

/** No call is on its way for as long as so many migrations take. */
const kept = 1_000;
/** No name of a migration has it: see `nameOf`. */
const mark = '@';

export class EndedMigrations {
  constructor(private readonly folder: string) {}

  has(migrationId: string): boolean {
    return existsSync(this.file(migrationId));
  }

  /**
   * Runs `claim` with what `add` takes set aside; where it fails, that is given back, unless an earlier claim has it. Throws
   * `stale-epoch` where the migration has ended.
   */
  async withRoomFor<T>(migrationId: string, claim: () => Promise<T>): Promise<T> {
    if (this.has(migrationId)) {
      throw new PortkeyError(
        'stale-epoch',
        `migration ${migrationId} has ended here already; this call of it came too late, and changes nothing`,
      );
    }
    const isFirst = this.reserve(migrationId);
    try {
      return await claim();
    } catch (error) {
      if (isFirst) this.giveBack(migrationId);
      throw error;
    }
  }

  /** For one that has claimed nothing, or what it had claimed is gone. */
  giveBack(migrationId: string): void {
    rmSync(this.reserved(migrationId), { force: true });
  }

  add(migrationId: string): void {
    if (this.has(migrationId)) return;
    // One that has claimed nothing has nothing set aside; nor does anything wait here for its end.
    this.reserve(migrationId);
    renameSync(this.reserved(migrationId), this.file(migrationId));
    this.forgetOldest();
  }

  private forgetOldest(): void {
    const ended = readdirSync(this.folder).filter((name) => !name.startsWith(mark));
    if (ended.length <= kept) return;
    // The time of the last renaming: the file itself may be much older.
    const age = new Map(ended.map((name) => [name, statSync(path.join(this.folder, name)).ctimeMs]));
    ended.sort((a, b) => (age.get(a) ?? 0) - (age.get(b) ?? 0));
    for (const name of ended.slice(0, -kept / 2)) rmSync(path.join(this.folder, name), { force: true });
  }

  /** False where it is there. */
  private reserve(migrationId: string): boolean {
    if (existsSync(this.reserved(migrationId))) return false;
    mkdirSync(this.folder, { recursive: true });
    writeFileSync(this.reserved(migrationId), '');
    return true;
  }

  private file = (migrationId: string): string => path.join(this.folder, nameOf(migrationId));
  private reserved = (migrationId: string): string => path.join(this.folder, mark + nameOf(migrationId));
}

/** Ids come from the controller, but a name with a slash would be a path. */
function nameOf(migrationId: string): string {
  return encodeURIComponent(migrationId);
}
