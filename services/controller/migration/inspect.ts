/**
 * The questions of preflight: asked all at once, and nothing on either side changes by them.
 */
import { PortkeyError } from '../../../libraries/errors/index.js';
import type { AttachedVm, Description, HostInfo, NodeInfo } from '../../../libraries/rpc/index.js';
import { needed } from '../vms/reachable.js';
import type { Vm } from '../vms/vm.js';
import type { LiveMigration, Sides } from './migration.js';

export interface Facts {
  readonly description: Description;
  readonly sourceNode: NodeInfo;
  readonly destinationNode: NodeInfo;
  /** How each VM stands at its relay; undefined where the relay was not given that VM. */
  readonly sourceAttached: AttachedVm | undefined;
  readonly destinationAttached: AttachedVm | undefined;
}

/** Throws `agent-unavailable`, `relay-unavailable`, and what Describe throws. */
export async function inspect(migration: LiveMigration, { source, destination }: Sides): Promise<Facts> {
  const options = migration.callOptions(migration.tools.limits.questionMs);
  const host = (vm: Vm): Promise<HostInfo> =>
    needed(vm.relay.call('GetHost', {}, options), 'relay-unavailable');
  const [description, destinationNode, sourceHost, destinationHost] = await Promise.all([
    needed(
      source.checkpoint.call(
        'Describe',
        { container: migration.subject.container },
        migration.callOptions(migration.tools.limits.stepMs),
      ),
      'agent-unavailable',
    ),
    needed(destination.restore.call('GetNode', {}, options), 'agent-unavailable'),
    host(source),
    host(destination),
  ]);
  if (description.node === null) {
    throw new PortkeyError('internal', `${source.checkpoint.peer} described a container without its node`);
  }
  return {
    description,
    sourceNode: description.node,
    destinationNode,
    sourceAttached: sourceHost.vms.find(({ name }) => name === source.name),
    destinationAttached: destinationHost.vms.find(({ name }) => name === destination.name),
  };
}
