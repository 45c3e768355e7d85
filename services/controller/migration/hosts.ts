/**
 * The hosts that a migration takes part on.
 */
import type { MigrationRecord } from '../state/index.js';
import type { Vm } from '../vms/vm.js';
import type { Vms } from '../vms/vms.js';

/** Of one that has not begun. A VM or container that cannot be found makes it be refused, for which it needs no place. */
export async function hostsToBe(vms: Vms, container: string, to: string): Promise<string[]> {
  const destination = known(vms, to);
  if (destination === undefined) return [];
  try {
    const { vm } = await vms.find(container);
    return distinct([vm, destination]);
  } catch {
    return [];
  }
}

/** Of one that has begun. */
export function hostsOf(vms: Vms, { from, to }: MigrationRecord): string[] {
  return distinct([known(vms, from), known(vms, to)].filter((vm) => vm !== undefined));
}

function known(vms: Vms, name: string): Vm | undefined {
  return vms.all.find((vm) => vm.name === name);
}

function distinct(vms: readonly Vm[]): string[] {
  return [...new Set(vms.map(({ host }) => host))];
}
