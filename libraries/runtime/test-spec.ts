/** For tests: a container with a network of its own. */
import type { ContainerSpec } from '../rpc/index.js';

export const spec: ContainerSpec = {
  name: 'web',
  rootfs: '/',
  readOnly: true,
  tmpfs: ['/tmp'],
  memoryLimitBytes: 2 ** 20,
  network: 'NETWORK_MODE_OWN',
  ip: '10.77.0.100/24',
  mac: '02:70:6b:00:00:64',
  command: ['redis-server'],
  env: [],
  labels: {},
};
