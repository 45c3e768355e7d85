import assert from 'node:assert/strict';

import { relayConfig } from './config.js';

const vm = {
  ...{ name: 'vm-a', ramFile: '/dev/shm/ram', share: '/srv/share' },
  ...{ qmpSocket: '/run/qmp', qemuPidFile: '/run/qemu.pid', virtiofsdPidFile: '/run/virtiofsd.pid' },
  ...{ checkpointSocket: '/run/checkpoint', restoreSocket: '/run/restore' },
};
const good = {
  ...{ listen: ['unix:/run/relay.sock'], metrics: '127.0.0.1:9401', security: 'insecure' },
  ...{ host: 'host-a', dataAddress: '192.0.2.1', vms: [vm] },
};

describe('the relay’s configuration', () => {
  const wrongIn = (config: object): string[] =>
    relayConfig.safeParse(config).error?.issues.map(({ path }) => path.join('.')) ?? [];

  it('takes only names that a certificate can have', () => {
    assert.deepEqual(wrongIn(good), []);
    for (const name of ['my vm', '', '../x', 'a'.repeat(64)]) {
      assert.deepEqual(wrongIn({ ...good, host: name }), ['host'], name);
      assert.deepEqual(wrongIn({ ...good, vms: [{ ...vm, name }] }), ['vms.0.name'], name);
    }
  });
});
