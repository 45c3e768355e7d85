/** What the files of compose.yaml and this code say alike, since each names addresses, folders and services by itself. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

import { parse } from 'yaml';
import { z } from 'zod';

import { projectFile } from '../../paths.js';
import { composeTopology, redisAddress } from '../places.js';
import { parcelsOf } from './parcels.js';
import { scrapeTargets } from './scrape-targets.js';

const serviceSchema = z.looseObject({
  secrets: z.array(z.string()).default([]),
  environment: z.record(z.string(), z.union([z.string(), z.number()])).default({}),
  networks: z.looseObject({ default: z.looseObject({ ipv4_address: z.string() }) }).optional(),
  command: z.array(z.string()).default([]),
});
const composeSchema = z.looseObject({
  services: z.record(z.string(), serviceSchema),
  secrets: z.record(z.string(), z.looseObject({ file: z.string() })),
});

/** Later files win. */
const composeOf = (...names: readonly string[]) => {
  const files = names.map((name) =>
    composeSchema.parse(parse(readFileSync(projectFile(name), 'utf8'), { merge: true })),
  );
  return {
    services: Object.assign({}, ...files.map(({ services }) => services)) as z.infer<
      typeof composeSchema
    >['services'],
    secrets: Object.assign({}, ...files.map(({ secrets }) => secrets)) as z.infer<
      typeof composeSchema
    >['secrets'],
  };
};

describe('compose.yaml', () => {
  const topology = composeTopology(3);
  const { services, secrets } = composeOf('compose.vm-c.yaml', 'compose.yaml');
  const parcels = parcelsOf(topology, { streams: 1, redisPassword: 'a password' });
  const addressOf = (service: string): string | undefined =>
    services[service]?.networks?.default.ipv4_address;

  it('has a secret for each parcel, in the folder that is filled', () => {
    for (const { service } of parcels)
      assert.equal(secrets[service]?.file, `./testbed/compose/secrets/${service}`, service);
    assert.deepEqual(
      Object.keys(secrets)
        .filter((name) => name !== 'build-ca')
        .sort(),
      parcels.map(({ service }) => service).sort(),
    );
  });

  it('shows each service one secret at most', () => {
    for (const [name, { secrets: shown }] of Object.entries(services)) assert.ok(shown.length <= 1, name);
  });

  it('gives hosts, controller and Redis the addresses that configurations name', () => {
    for (const { name, hostAddress } of topology.vms) assert.equal(addressOf(name), hostAddress);
    assert.equal(addressOf('redis'), redisAddress);
    const [controller] = topology.controllers;
    assert.equal(`${addressOf('controller') ?? ''}:7400`, controller?.address);
    assert.equal(services['cli']?.environment['PORTKEY_CONTROLLER'], controller?.address);
  });

  it('asks the health of each VM and relay where they are', () => {
    for (const { name, host, hostAddress, agents } of topology.vms) {
      const health = String(services[name]?.environment['PORTKEY_HEALTH']);
      assert.equal(
        health,
        `/run/secrets/${name} checkpoint/${name} checkpoint/${name}@${agents.checkpoint.address} restore/${name}@${agents.restore.address}`,
      );
      const relay = host.replace('host', 'relay');
      const relayService = services[relay];
      assert.ok(relayService);
      assert.equal(
        relayService.environment['PORTKEY_HEALTH'],
        `/run/secrets/${relay} relay/${host} relay/${host}@${hostAddress}:7401`,
      );
      assert.ok(relayService.command.includes(`/run/secrets/${relay}/config.json`));
    }
  });

  it('has Prometheus look at every service, once', () => {
    const targets = scrapeTargets(topology).flatMap((group) => group.targets);
    assert.equal(new Set(targets).size, 1 + 3 * topology.vms.length);
    assert.equal(targets.length, 1 + 3 * topology.vms.length);
  });
});
