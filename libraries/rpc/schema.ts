/**
 * The services of proto/, each loaded from its generated schema when it is first asked for: in an emulated guest, all of them
 * take seconds, and a process speaks two or three.
 *
 * 64-bit integers are JavaScript numbers (everything counted here stays far below 2^53), enums their names,
 * absent fields their defaults, absent messages null. No message is decoded that is larger than message-limit.ts has it.
 */
import { loadPackageDefinition, type ServiceDefinition } from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';
import type { Root } from 'protobufjs';

import { schemas } from './generated/schema.js';
import { limited } from './message-limit.js';
import type { CheckpointDefinition } from './generated/portkey/v1/Checkpoint.js';
import type { ContainersDefinition } from './generated/portkey/v1/Containers.js';
import type { ControllerDefinition } from './generated/portkey/v1/Controller.js';
import type { GuestDefinition } from './generated/portkey/v1/Guest.js';
import type { HypervisorRelayDefinition } from './generated/portkey/v1/HypervisorRelay.js';
import type { RestoreDefinition } from './generated/portkey/v1/Restore.js';
import type { WorkloadDefinition } from './generated/portkey/v1/Workload.js';

/** What proto-loader needs so that its objects match the generated types. */
const loaderOptions = { longs: Number, enums: String, defaults: true, arrays: true, oneofs: true };

export interface Definitions {
  Checkpoint: CheckpointDefinition;
  Containers: ContainersDefinition;
  Controller: ControllerDefinition;
  Guest: GuestDefinition;
  HypervisorRelay: HypervisorRelayDefinition;
  Restore: RestoreDefinition;
  Workload: WorkloadDefinition;
}

export type ServiceName = keyof Definitions;

const definitions = new Map<ServiceName, ServiceDefinition>();

export function definitionOf(name: ServiceName): ServiceDefinition {
  const definition = definitions.get(name) ?? load(name);
  definitions.set(name, definition);
  return definition;
}

function load(name: ServiceName): ServiceDefinition {
  const schema = JSON.parse(schemas[name]) as ReturnType<Root['toJSON']>;
  const loaded = loadPackageDefinition(fromJSON(schema, loaderOptions)) as unknown as {
    portkey: { v1: Record<ServiceName, { service: ServiceDefinition }> };
  };
  return limited(name, loaded.portkey.v1[name].service);
}

export const serviceFullName = (name: ServiceName): string => `portkey.v1.${name}`;

/** Of a path, "/portkey.v1.Restore/PutImages"; undefined where it is none of ours. */
export function methodAt(
  path: string,
): { readonly service: ServiceName; readonly method: string } | undefined {
  const [, service = '', method = ''] = /^\/portkey\.v1\.(\w+)\/(\w+)$/.exec(path) ?? [];
  return isService(service) ? { service, method } : undefined;
}

function isService(name: string): name is ServiceName {
  return Object.hasOwn(schemas, name);
}
