import assert from 'node:assert/strict';

import { addressesOf, checkAddress, checkMac, macOf } from './addresses.js';
import { checkContainerName } from './name.js';

describe('addresses of containers', () => {
  it('are a range with both ends', () => {
    assert.deepEqual(addressesOf({ first: '10.77.0.254', last: '10.77.1.1', prefix: 16 }), [
      ...['10.77.0.254', '10.77.0.255', '10.77.1.0', '10.77.1.1'],
    ]);
    assert.deepEqual(addressesOf({ first: '10.0.0.2', last: '10.0.0.1', prefix: 24 }), []);
  });

  it('give the MAC', () => {
    assert.equal(macOf('10.77.0.100'), '02:70:6b:4d:00:64');
  });

  it('are taken with and without a prefix length', () => {
    assert.equal(checkAddress('10.77.0.100/24'), '10.77.0.100');
    for (const text of ['', '10.77.0', '10.77.0.300', '10.77.0.1/x', 'web']) {
      assert.throws(() => checkAddress(text), { code: 'invalid-argument' });
    }
  });
});

describe('names of containers', () => {
  it('are fit for folders, keys and namespaces', () => {
    for (const name of ['web', 'web-1', 'a.b_c', 'X'.repeat(63)]) checkContainerName(name);
    for (const name of ['', '-web', 'a/b', '..', 'a b', 'X'.repeat(64)]) {
      assert.throws(() => checkContainerName(name), { code: 'invalid-argument' });
    }
  });

  it('take a MAC as it is, and nothing else for one', () => {
    assert.equal(checkMac('02:70:6B:4d:00:64'), '02:70:6B:4d:00:64');
    for (const wrong of ['02:70:6b:4d:00', '02:70:6b:4d:00:64\nlink set br0 down', ''])
      assert.throws(() => checkMac(wrong), { code: 'invalid-argument' });
  });
});
