/**
 * The services of proto/, loaded once from the generated schema.
 *
 * 64-bit integers are JavaScript numbers (everything counted here stays far below 2^53), enums their names,
 * absent fields their defaults, absent messages null.
 */
import { loadPackageDefinition, type ServiceDefinition } from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';
import type { Root } from 'protobufjs';

import { schemaJson } from './generated/schema.js';
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

const loaded = loadPackageDefinition(
  fromJSON(JSON.parse(schemaJson) as ReturnType<Root['toJSON']>, loaderOptions),
) as unknown as {
  portkey: { v1: Record<ServiceName, { service: ServiceDefinition }> };
};

export function definitionOf(name: ServiceName): ServiceDefinition {
  return loaded.portkey.v1[name].service;
}

export const serviceFullName = (name: ServiceName): string => `portkey.v1.${name}`;
