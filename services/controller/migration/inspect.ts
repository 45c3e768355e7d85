/**
 * The questions of preflight: asked all at once, and nothing on either side changes by them.
 *
 * In criu mode the relays only read CPU. So one that fails there costs its host's figures and not the migration; it
 * counts as one that was not given the VM.
 */
import { asPortkeyError, PortkeyError } from '../../../libraries/errors/index.js';
import type { AttachedVm, Description, NodeInfo } from '../../../libraries/rpc/index.js';
import { needed } from '../vms/reachable.js';
import type { Vm } from '../vms/vm.js';
import type { LiveMigration, Sides } from './migration.js';

export interface Facts {
  readonly description: Description;
  readonly sourceNode: NodeInfo;
  readonly destinationNode: NodeInfo;
  /** How each VM stands at its relay; undefined where the relay was not given that VM, or is not needed and failed. */
  readonly sourceAttached: AttachedVm | undefined;
  readonly destinationAttached: AttachedVm | undefined;
}

/** Throws `agent-unavailable`, `relay-unavailable`, and what Describe throws. */
export async function inspect(migration: LiveMigration, { source, destination }: Sides): Promise<Facts> {
  const options = migration.callOptions(migration.tools.limits.questionMs);
  const [description, destinationNode, sourceAttached, destinationAttached] = await Promise.all([
    needed(
      source.checkpoint.ask(
        'Describe',
        { container: migration.subject.container },
        migration.callOptions(migration.tools.limits.stepMs),
      ),
      'agent-unavailable',
    ),
    needed(destination.restore.ask('GetNode', {}, options), 'agent-unavailable'),
    attachmentOf(migration, source),
    attachmentOf(migration, destination),
  ]);
  if (description.node === null) {
    throw new PortkeyError('internal', `${source.checkpoint.peer} described a container without its node`);
  }
  return {
    description,
    sourceNode: description.node,
    destinationNode,
    sourceAttached,
    destinationAttached,
  };
}

async function attachmentOf(migration: LiveMigration, vm: Vm): Promise<AttachedVm | undefined> {
  const options = migration.callOptions(migration.tools.limits.questionMs);
  try {
    const { vms } = await needed(vm.relay.ask('GetHost', {}, options), 'relay-unavailable');
    return vms.find(({ name }) => name === vm.name);
  } catch (thrown) {
    if (migration.mode !== 'criu' || migration.cancelledBecause !== undefined) throw thrown;
    const { message } = asPortkeyError(thrown);
    migration.warn(`${message}: the report has no CPU figures of ${vm.host}`);
    return undefined;
  }
}
