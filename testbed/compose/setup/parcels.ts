/**
 * What each service of compose.yaml is given: its own configuration and keys, and nobody else's.
 *
 * A parcel is a folder that compose shows to one service as a secret (places.ts, `secretOf`). The authority's key is in none.
 */
import { nameOf } from '../../../libraries/certificates/index.js';
import type { Identity } from '../../../libraries/rpc/index.js';
import { guestRoles } from '../../certificates.js';
import { controllerConfig, redisUsers, relayConfig } from '../../configs.js';
import { hostIdentities } from '../../identities.js';
import type { Topology, VmPlace } from '../../topology.js';
import { secretOf } from '../places.js';
import { scrapeTargets } from './scrape-targets.js';

export interface Parcel {
  readonly service: string;
  /** Whose certificate and key are in it, with the authority's certificate. */
  readonly identities: readonly Identity[];
  readonly files: Readonly<Record<string, string>>;
}

export interface ParcelOptions {
  readonly streams: number;
  readonly redisPassword: string;
}

export function parcelsOf(topology: Topology, { streams, redisPassword }: ParcelOptions): Parcel[] {
  const [controller] = topology.controllers;
  const config = controller && controllerConfig(controller, topology, secretOf('controller'));
  return [
    {
      service: 'controller',
      identities: [hostIdentities.controller],
      files: { 'config.json': json(config), 'redis-password': redisPassword },
    },
    {
      service: 'redis',
      identities: [],
      files: { 'users.acl': redisUsers(redisPassword), password: redisPassword },
    },
    { service: 'operator', identities: [hostIdentities.operator], files: {} },
    { service: 'clients', identities: [hostIdentities.workload], files: {} },
    { service: 'targets', identities: [], files: { 'targets.json': json(scrapeTargets(topology)) } },
    ...topology.vms.flatMap((vm) => hostParcels(vm, streams)),
  ];
}

function hostParcels(vm: VmPlace, streams: number): Parcel[] {
  const relay = vm.host.replace('host', 'relay');
  return [
    {
      service: relay,
      identities: [{ role: 'relay', name: vm.host }],
      files: { 'config.json': json(relayConfig(vm, streams, secretOf(relay))) },
    },
    { service: vm.name, identities: guestRoles.map((role) => ({ role, name: vm.name })), files: {} },
  ];
}

/** Names of the files of `identities` in the folder of all certificates, and in a parcel. */
export function certificateFiles(identities: readonly Identity[]): string[] {
  if (identities.length === 0) return [];
  const own = identities.flatMap((identity) => ['pem', 'key'].map((end) => `${nameOf(identity)}.${end}`));
  return ['ca.pem', ...own];
}

function json(value: object | undefined): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
