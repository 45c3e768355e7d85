/**
 * Folders that appear whole or not at all: made under a temporary name beside their place, then renamed.
 *
 * The temporary name carries its maker's pid, so that what a killed maker left can be told from work in progress.
 */
import { access, readdir, rm } from 'node:fs/promises';
import path from 'node:path';

export function temporaryName(folder: string): string {
  return path.join(path.dirname(folder), `.${path.basename(folder)}.${process.pid}`);
}

/** Removes the temporary folders in `parent` whose makers are gone. */
export async function removeAbandoned(parent: string): Promise<void> {
  const names = await readdir(parent).catch(() => []);
  for (const name of names) {
    const pid = /^\..+\.(\d+)$/.exec(name)?.[1];
    if (pid !== undefined && !(await exists(`/proc/${pid}`)))
      await rm(path.join(parent, name), { recursive: true, force: true });
  }
}

export function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
