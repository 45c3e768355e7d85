/**
 * Where the clients of built-in workloads are: this machine's test bed has them, or the container of compose.yaml that starts
 * them for commands which run in one.
 */
import { composeClients, secretOf } from '../testbed/compose/places.js';
import type { Places } from '../testbed/paths.js';
import { certificatesFolder, outsideAddress, outsideNamespace } from '../testbed/topology.js';
import type { WorkloadPlace } from '../testbed/workload/index.js';

export function workloadPlaceOf(places: Places): WorkloadPlace {
  if (places.clients !== undefined)
    return { ...composeClients(places.clients), certificates: secretOf('operator') };
  return {
    runtimeFolder: places.runtime,
    logFolder: places.logs,
    namespace: outsideNamespace,
    metrics: `${outsideAddress}:0`,
    certificates: certificatesFolder(places.runtime),
  };
}
