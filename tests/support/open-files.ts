import { readdirSync, readlinkSync } from 'node:fs';

/** Files under `folder` that this process has open, removed ones included. */
export function openFilesIn(folder: string): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)].filter((target) => target.startsWith(folder));
    } catch {
      return []; // The one that the list was read from.
    }
  });
}
