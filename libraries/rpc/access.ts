/**
 * Which role may call what: the one table that servers look at.
 *
 *     operator ─▶ controller ─▶ relays, agents        checkpoint of A ─ images ─▶ restore of B        (test bed: operator ─▶ guest, workload)
 *
 * A method that has no row of its own goes by its service's. Health checks are for whoever has a certificate.
 */
import type { Role } from './identity.js';
import type { ServiceName } from './schema.js';

const callers: Readonly<Record<ServiceName, readonly Role[]>> = {
  Controller: ['operator'],
  Containers: ['controller'],
  Checkpoint: ['controller'],
  Restore: ['controller'],
  HypervisorRelay: ['controller'],
  Guest: ['operator'],
  Workload: ['operator'],
};

/** By "Service.Method". */
const exceptions: Readonly<Record<string, readonly Role[]>> = {
  'Restore.PutImages': ['checkpoint'],
};

export function mayCall(role: Role, service: ServiceName, method: string): boolean {
  return (exceptions[`${service}.${method}`] ?? callers[service]).includes(role);
}

/** For messages. */
export function callersOf(service: ServiceName, method: string): readonly Role[] {
  return exceptions[`${service}.${method}`] ?? callers[service];
}
