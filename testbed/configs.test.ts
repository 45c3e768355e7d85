import assert from 'node:assert/strict';

import { controllerConfig, gatewayConfig, relayConfig } from './configs.js';
import { gatewayConfigSchema } from './gateway/routes.js';
import { topologyOf } from './topology.js';

describe('configuration files', () => {
  const topology = topologyOf(2, '/dev/shm/portkey', 2);
  const [first, second] = topology.controllers;

  it("tell a relay where its VM's things are", () => {
    const [, vm] = topology.vms;
    assert.ok(vm);
    assert.deepEqual(relayConfig(vm, 2, '/certs'), {
      host: 'host-b',
      listen: ['unix:/dev/shm/portkey/relay-b.sock', '10.77.0.2:7401'],
      metrics: '10.77.0.2:9401',
      security: {
        ca: '/certs/ca.pem',
        certificate: '/certs/relay-host-b.pem',
        key: '/certs/relay-host-b.key',
      },
      dataAddress: '10.77.0.2',
      streams: 2,
      vms: [
        {
          name: 'vm-b',
          ramFile: '/dev/shm/portkey/ram-vm-b',
          qmpSocket: '/dev/shm/portkey/vm-b.qmp',
          qemuPidFile: '/dev/shm/portkey/vm-b.qemu.pid',
          virtiofsdPidFile: '/dev/shm/portkey/vm-b.virtiofsd.pid',
          checkpointSocket: '/dev/shm/portkey/vm-b.checkpoint',
          restoreSocket: '/dev/shm/portkey/vm-b.restore',
          share: '/dev/shm/portkey/share/vm-b',
        },
      ],
    });
  });

  it('tell the controller where everyone is', () => {
    assert.ok(first);
    assert.deepEqual(controllerConfig(first, topology, '/certs'), {
      listen: ['unix:/dev/shm/portkey/controller.sock', '10.77.0.254:7400'],
      metrics: '10.77.0.254:9400',
      security: {
        ca: '/certs/ca.pem',
        certificate: '/certs/controller.pem',
        key: '/certs/controller.key',
      },
      redis: {
        host: '127.0.0.1',
        port: 6379,
        user: 'portkey',
        passwordFile: '/dev/shm/portkey/redis/password',
      },
      containerAddresses: { first: '10.77.0.100', last: '10.77.0.199', prefix: 24 },
      vms: ['a', 'b'].map((letter, index) => ({
        name: `vm-${letter}`,
        host: `host-${letter}`,
        checkpoint: `10.77.0.${11 + index}:7411`,
        restore: `10.77.0.${11 + index}:7412`,
        relay: `10.77.0.${1 + index}:7401`,
      })),
    });
  });

  it('tell a second controller the same, but where it listens', () => {
    assert.ok(first && second);
    assert.deepEqual(controllerConfig(second, topology, '/certs'), {
      ...controllerConfig(first, topology, '/certs'),
      listen: ['unix:/dev/shm/portkey/controller-2.sock', '10.77.0.254:7401'],
      metrics: '10.77.0.254:9401',
    });
  });

  it('tell the gateway a way to each agent', () => {
    const { routes } = gatewayConfigSchema.parse(gatewayConfig(topology));
    assert.equal(routes.length, 6);
    assert.deepEqual(routes[0], {
      socket: '/dev/shm/portkey/vm-a.guest-rpc',
      host: '10.77.0.11',
      port: 7410,
    });
  });
});
