/**
 * A run's folder in memory, with the process's id in its name: what a run that was killed has left, the next one removes.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';

const prefix = 'portkey-fuzz-';

/** The caller removes it. `root`: on tmpfs. */
export function makeScratchFolder(root = '/dev/shm'): string {
  const running = new Set(readdirSync('/proc'));
  for (const name of readdirSync(root)) {
    const pid = new RegExp(`^${prefix}(\\d+)-`).exec(name)?.[1];
    if (pid !== undefined && !running.has(pid))
      rmSync(path.join(root, name), { recursive: true, force: true });
  }
  return mkdtempSync(path.join(root, `${prefix}${process.pid}-`));
}
