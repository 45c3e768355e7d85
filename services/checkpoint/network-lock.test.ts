import assert from 'node:assert/strict';

import type { Connection } from './connections.js';
import { networkLockSetting } from './network-lock.js';

describe("CRIU's network lock", () => {
  const outside = { local: '64004D0A:18EB', remote: '01004D0A:9C40', state: '01' };
  const inside = [
    { local: '0100007F:18EB', remote: '0100007F:9C42', state: '01' },
    { local: '0100007F:9C42', remote: '0100007F:18EB', state: '01' },
  ];
  const setting = (network: 'NETWORK_MODE_OWN' | 'NETWORK_MODE_HOST', found: Connection[] | undefined) =>
    networkLockSetting({ network }, () => found);

  it('is left out where the container is off the network and has no connection with itself', () => {
    assert.equal(setting('NETWORK_MODE_OWN', [outside]), 'network-lock skip\n');
    assert.equal(setting('NETWORK_MODE_OWN', []), 'network-lock skip\n');
  });

  it('stays for one that has, for one on the VM’s own network, and where nobody can tell', () => {
    assert.equal(setting('NETWORK_MODE_OWN', [outside, ...inside]), '');
    assert.equal(setting('NETWORK_MODE_HOST', []), '');
    assert.equal(setting('NETWORK_MODE_OWN', undefined), '');
  });
});
