/**
 * Containers whose pages the kernel merges with equal ones (KSM) are not migrated.
 *
 * KSM takes the soft-dirty bit from a page that it merges (mm/ksm.c: replace_page). A page that was sent, written and then
 * merged looks as if it still were what was sent: to CRIU's incremental dumps as to this service's rounds. So a
 * migration is refused while KSM is at work and a task of the container allows it (madvise, prctl(PR_SET_MEMORY_MERGE)), and
 * that is looked at again once the container is frozen. Limits: nothing is looked at in between, nor
 * after that: KSM that is switched on in the frozen container's time, or was at work only between the two looks.
 */
import { readFileSync } from 'node:fs';

import { PortkeyError } from '../../libraries/errors/index.js';
import type { Task } from '../../libraries/runtime/index.js';

export interface KernelRoots {
  readonly ksm: string;
  readonly proc: string;
}

const kernelRoots: KernelRoots = { ksm: '/sys/kernel/mm/ksm', proc: '/proc' };

/** Throws `memory-merged`. */
export function requireUnmerged(
  container: string,
  tasks: readonly Pick<Task, 'pid'>[],
  roots: KernelRoots = kernelRoots,
): void {
  if (read(`${roots.ksm}/run`).trim() !== '1') return;
  const merged = tasks.find(({ pid }) => allowsMerging(read(`${roots.proc}/${pid}/smaps`)));
  if (merged === undefined) return;
  throw new PortkeyError(
    'memory-merged',
    `pid ${merged.pid} of container '${container}' lets the kernel merge its pages (KSM), which hides writes to them; stop that in its VM for the time of the migration: echo 2 >${roots.ksm}/run`,
  );
}

/** VmFlags has `mg` where pages of a mapping may be merged (kernel: filesystems/proc.rst). */
function allowsMerging(smaps: string): boolean {
  return /^VmFlags:.* mg\b/m.test(smaps);
}

/** A kernel without KSM has no such file, a task that has ended none either. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
