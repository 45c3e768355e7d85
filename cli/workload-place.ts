/**
 * Where this machine's test bed keeps the clients of built-in workloads.
 */
import type { Places } from '../testbed/paths.js';
import { certificatesFolder, outsideAddress, outsideNamespace } from '../testbed/topology.js';
import type { WorkloadPlace } from '../testbed/workload/index.js';

export function workloadPlaceOf(places: Places): WorkloadPlace {
  return {
    runtimeFolder: places.runtime,
    logFolder: places.logs,
    namespace: outsideNamespace,
    metrics: `${outsideAddress}:0`,
    certificates: certificatesFolder(places.runtime),
  };
}
