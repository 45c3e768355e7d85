/** Which VMs a container may move between: those that the configuration has put in one group. */
import { PortkeyError } from '../../../libraries/errors/index.js';
import type { Vm } from './vm.js';

type Grouped = Pick<Vm, 'name' | 'group'>;

export const areInOneGroup = (one: Grouped, other: Grouped): boolean => one.group === other.group;

/** Throws `not-permitted`. */
export function requireSameGroup(source: Grouped, destination: Grouped): void {
  if (areInOneGroup(source, destination)) return;
  throw new PortkeyError(
    'not-permitted',
    `no container may move from ${source.name} to ${destination.name}: the controller's configuration has them in different ` +
      `groups, ${source.group} and ${destination.group}`,
  );
}
