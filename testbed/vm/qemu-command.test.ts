import assert from 'node:assert/strict';

import type { GuestImage } from '../image/store.js';
import { topologyOf } from '../topology.js';
import { probeCommand, qemuCommand, type VmHardware } from './qemu-command.js';
import { virtiofsdCommand } from './virtiofsd.js';

describe('QEMU command', () => {
  const image: GuestImage = {
    rootfs: '/image/rootfs.ext4',
    kernel: '/image/vmlinuz',
    initrd: '/image/initrd',
    manifest: { kernel: '6.12', packages: {} },
  };
  const hardware: VmHardware = {
    accelerator: 'tcg',
    memoryBytes: 2 ** 31,
    vhostNet: false,
    codeDisk: '/run/code.ext4',
    consoleLog: '/logs/console.log',
  };
  const [vm] = topologyOf(1, '/run/portkey').vms;
  assert.ok(vm);
  const command = (changes: Partial<VmHardware> = {}): string =>
    qemuCommand(vm, image, { ...hardware, ...changes }).join(' ');

  it('shares all of its RAM through a file, touched in advance', () => {
    assert.match(
      command(),
      /-m 2048M -object memory-backend-file,id=ram,size=2147483648,mem-path=\/run\/portkey\/ram-vm-a,share=on,prealloc=on -machine memory-backend=ram/,
    );
  });

  it('gives each agent its port', () => {
    for (const agent of ['checkpoint', 'restore']) {
      assert.ok(
        command().includes(`-chardev socket,id=${agent},path=/run/portkey/vm-a.${agent},server=on,wait=off`),
      );
      assert.ok(command().includes(`virtserialport,chardev=${agent},name=portkey.${agent}`));
    }
  });

  it('lets writes to the root disk vanish and the code disk be read only', () => {
    assert.match(command(), /id=root,format=raw,file=\/image\/rootfs\.ext4,snapshot=on/);
    assert.match(command(), /id=code,format=raw,file=\/run\/code\.ext4,readonly=on/);
  });

  it('tells the guest who it is', () => {
    assert.match(command(), /-append .*portkey\.vm=vm-a portkey\.address=10\.77\.0\.11\/24/);
    assert.match(command(), /virtio-net-pci,netdev=net,mac=02:70:6b:00:00:0b/);
  });

  it('hides under emulation what is slow or wrong there, and nothing under KVM', () => {
    assert.match(command(), /-accel tcg,thread=multi -cpu max,-erms,-fsrm,-cx16,-la57 .*norandmaps/);
    const kvm = command({ accelerator: 'kvm' });
    assert.match(kvm, /-accel kvm -cpu host /);
    assert.doesNotMatch(kvm, /norandmaps/);
  });

  it('uses vhost-net only where the host has it', () => {
    assert.doesNotMatch(command(), /vhost=on/);
    assert.match(command({ vhostNet: true }), /-netdev tap,[^ ]*,vhost=on/);
  });

  it('probes an accelerator without any disk', () => {
    const probe = probeCommand(image, 'kvm').join(' ');
    assert.doesNotMatch(probe, /-drive/);
    assert.match(probe, /-append .*portkey\.probe -serial stdio/);
  });
});

describe('virtiofsd command', () => {
  it('knows both programs of that name, and never lets the guest cache', () => {
    assert.deepEqual(virtiofsdCommand({ path: '/c', language: 'c' }, '/s', '/folder/'), [
      ...['/c', '--socket-path=/s', '-f', '-o', 'source=/folder', '-o', 'cache=none'],
    ]);
    assert.deepEqual(virtiofsdCommand({ path: '/r', language: 'rust' }, '/s', '/folder/'), [
      ...['/r', '--socket-path=/s', '--shared-dir=/folder', '--cache=never'],
    ]);
  });
});
