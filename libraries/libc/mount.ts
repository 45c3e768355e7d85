/**
 * Bind mounts and memory of a size: mount(2), umount2(2) with MNT_DETACH; without the processes that mount(8) takes.
 *
 * In the calling process's mount namespace; needs CAP_SYS_ADMIN.
 */
import { errnoName, libc, libcError } from './library.js';

const mount = libc.func(
  'int mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data)',
) as (source: string, target: string, type: string | null, flags: number, data: string | null) => number;
const umount2 = libc.func('int umount2(const char *target, int flags)') as (
  target: string,
  flags: number,
) => number;

const MS_NOSUID = 2;
const MS_NODEV = 4;
const MS_NOEXEC = 8;
const MS_BIND = 0x1000;
const MNT_DETACH = 2;

/** Shows the folder `source` at `target`, which is a folder, too; mounts below `source` are left out. */
export function bindMount(source: string, target: string): void {
  if (mount(source, target, null, MS_BIND, null) !== 0)
    throw libcError('mount', `${source} on ${target}`, 'command-failed');
}

/** A tmpfs for the caller's user alone, which holds `maxBytes` in whole pages: more is ENOSPC. */
export function mountTmpfs(target: string, maxBytes: number): void {
  const flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
  if (mount('tmpfs', target, 'tmpfs', flags, `size=${maxBytes},mode=0700`) !== 0)
    throw libcError('mount', `tmpfs on ${target}`, 'command-failed');
}

/** Takes the mount away at once, also while somebody uses it. One that is not there is fine. */
export function detachMount(target: string): void {
  if (umount2(target, MNT_DETACH) === 0 || ['EINVAL', 'ENOENT'].includes(errnoName())) return;
  throw libcError('umount2', target, 'command-failed');
}
