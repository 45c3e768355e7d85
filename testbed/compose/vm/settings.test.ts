import assert from 'node:assert/strict';

import { linkOf, memoryBytesOf, readVmSettings, vmOf } from './settings.js';

describe("a VM's settings", () => {
  it('have defaults, also for what Compose sets to nothing', () => {
    const settings = readVmSettings({ PORTKEY_VM: 'vm-b', PORTKEY_VM_MEMORY: '', PORTKEY_LINK: '' });
    assert.equal(vmOf(settings).hostAddress, '10.77.0.2');
    assert.equal(memoryBytesOf(settings), 2 ** 30);
    assert.equal(linkOf(settings), 1e10);
    assert.equal(settings.PORTKEY_ACCEL, 'tcg');
  });

  it('may leave the link unlimited', () => {
    assert.equal(linkOf(readVmSettings({ PORTKEY_VM: 'vm-a', PORTKEY_LINK: 'unlimited' })), undefined);
  });

  for (const [env, problem] of [
    [{}, /PORTKEY_VM: /],
    [{ PORTKEY_VM: 'vm-z' }, /PORTKEY_VM is 'vm-z'; VMs are vm-a to vm-j/],
    [{ PORTKEY_VM: 'vm-a', PORTKEY_VM_MEMORY: '100M' }, /'100M'; a VM has at least 512M/],
    [{ PORTKEY_VM: 'vm-a', PORTKEY_VM_MEMORY: 'much' }, /'much' is not a size/],
    [{ PORTKEY_VM: 'vm-a', PORTKEY_LINK: 'fast' }, /'fast' is not/],
    [{ PORTKEY_VM: 'vm-a', PORTKEY_ACCEL: 'xen' }, /PORTKEY_ACCEL/],
  ] as const)
    it(`are refused with what to write instead: ${JSON.stringify(env)}`, () => {
      assert.throws(() => {
        const settings = readVmSettings(env);
        vmOf(settings);
        memoryBytesOf(settings);
        linkOf(settings);
      }, problem);
    });
});
