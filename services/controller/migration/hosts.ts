/**
 * The hosts that a migration takes part on.
 *
 * Of one that has not begun, all VMs are asked where its container is: once at a time for all migrations that wait, since each
 * such question starts a process in every VM, and a VM that is slow already should not get more of them the more wait for it.
 */
import { asPortkeyError, type PortkeyError } from '../../../libraries/errors/index.js';
import type { MigrationRecord } from '../state/index.js';
import { OneAtATime } from '../vms/one-at-a-time.js';
import type { Vm } from '../vms/vm.js';
import { placeIn, type Census, type Vms } from '../vms/vms.js';

export type HostsToBe =
  | { readonly hosts: readonly string[] }
  /** It cannot begin. */
  | { readonly refusedBy: PortkeyError }
  /** Nobody can say yet: a VM that may have the container is slow, or hangs. */
  | { readonly unknownBecause: PortkeyError };

export class HostFinder {
  private readonly census: OneAtATime<Census>;

  constructor(private readonly vms: Vms) {
    this.census = new OneAtATime(() => vms.census());
  }

  async hostsToBe(container: string, to: string): Promise<HostsToBe> {
    let destination: Vm;
    try {
      destination = this.vms.get(to);
    } catch (thrown) {
      return { refusedBy: asPortkeyError(thrown) };
    }
    const census = await this.census.ask();
    try {
      return { hosts: distinct([placeIn(census, container).vm, destination]) };
    } catch (thrown) {
      const error = asPortkeyError(thrown);
      const isSlow = census.silent.some((one) => one.error.code === 'deadline-exceeded');
      return isSlow ? { unknownBecause: error } : { refusedBy: error };
    }
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
