import assert from 'node:assert/strict';

import { containerAddresses, maximumVms, topologyOf } from '../../topology.js';
import { wholeVmPlace } from './place.js';

describe('the place of the VM that QEMU migrates', () => {
  const place = wholeVmPlace('/run/portkey');
  const [first, second] = place.ends;

  it('has an address that neither a VM nor a container has', () => {
    const last = (address: string): number => Number(address.split('.').at(-1));
    const vms = topologyOf(maximumVms, '/run/portkey').vms.map(({ address }) => last(address));
    assert.ok(last(place.address) > Math.max(...vms));
    assert.ok(last(place.address) < last(containerAddresses.first));
  });

  it('is the same VM at both ends, with files of its own at each', () => {
    const { address, mac, rootOverlay } = first.qemu;
    assert.deepEqual(
      [second.qemu.address, second.qemu.mac, second.qemu.rootOverlay],
      [address, mac, rootOverlay],
    );
    assert.equal(first.files.filter((file) => second.files.includes(file)).length, 0);
    assert.ok([...first.files, ...second.files].every((file) => file.startsWith('/run/portkey/whole-vm.')));
    assert.ok(first.qemu.tap.length <= 15, 'a name that the kernel takes');
  });

  it("is waited for at each host's own address", () => {
    assert.deepEqual(
      [first.migrationAddress, second.migrationAddress],
      ['tcp:10.77.0.1:7440', 'tcp:10.77.0.2:7440'],
    );
  });
});
