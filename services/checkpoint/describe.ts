/**
 * What a container is before it is migrated: its spec, its tasks, its memory, its connections.
 */
import { PortkeyError } from '../../libraries/errors/index.js';
import type { Description, NodeInfo } from '../../libraries/rpc/index.js';
import { otherMemoryBytes, tasksOf, type ContainerStore } from '../../libraries/runtime/index.js';
import { connectionsOf, isEstablished } from './connections.js';
import { requireUnmerged } from './kernel-merging.js';

export async function describe(store: ContainerStore, name: string, node: NodeInfo): Promise<Description> {
  const spec = store.spec(name);
  const tasks = tasksOf(name);
  const [first] = tasks;
  if (first === undefined) {
    throw new PortkeyError(
      'container-not-running',
      `container '${name}' is not running; only a running container can be migrated`,
    );
  }
  requireUnmerged(name, tasks);
  const ownNetwork = spec.network === 'NETWORK_MODE_OWN';
  return {
    spec,
    memoryBytes: tasks.reduce((sum, task) => sum + task.privateBytes, 0),
    taskCount: tasks.length,
    threadCount: tasks.reduce((sum, task) => sum + task.threadCount, 0),
    establishedConnections: ownNetwork ? (connectionsOf(first.pid) ?? []).filter(isEstablished).length : 0,
    node,
    otherBytes: await otherMemoryBytes(name),
  };
}
