/** Those of the test bed that speak gRPC and are in no VM. */
import type { Identity } from '../libraries/rpc/index.js';

export const hostIdentities = {
  operator: { role: 'operator', name: '' },
  controller: { role: 'controller', name: '' },
  workload: { role: 'workload', name: '' },
} as const satisfies Record<string, Identity>;
