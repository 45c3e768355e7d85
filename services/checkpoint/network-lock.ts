/**
 * Whether CRIU has to lock a frozen container's network, as a line of its configuration.
 *
 * It locks by a dozen calls of iptables at the dump, and unlocks by as many there and at the restore. Freeze has taken
 * the container off the network before, so that is left out unless a connection is of the container with itself
 * (connections.ts). On the VM's own network other containers' packets go on; there CRIU closes the connections, too.
 *
 * CRIU 4.1 takes `network-lock` from its defaults only (CRIU_CONFIG_FILE): in the file that the container's annotation
 * names it crashes. The restore does as the images say.
 */
import type { ContainerSpec } from '../../libraries/rpc/index.js';
import { hasInternal, type Connection } from './connections.js';

/** Where nobody can tell what connections there are, the lock stays. */
export function networkLockSetting(
  { network }: Pick<ContainerSpec, 'network'>,
  connections: () => readonly Connection[] | undefined,
): string {
  if (network !== 'NETWORK_MODE_OWN') return '';
  const found = connections();
  return found === undefined || hasInternal(found) ? '' : 'network-lock skip\n';
}
