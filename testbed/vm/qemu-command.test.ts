import assert from 'node:assert/strict';

import type { GuestImage } from '../image/store.js';
import { topologyOf } from '../topology.js';
import { movableCommand, probeCommand, qemuCommand, type VmHardware } from './qemu-command.js';
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
    assert.match(command(), /id=root,file=\/image\/rootfs\.ext4,format=raw,snapshot=on/);
    assert.match(command(), /id=code,file=\/run\/code\.ext4,format=raw,readonly=on/);
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

  it('gives one that QEMU can migrate the same parts but virtiofs, and a disk for both ends', () => {
    const place = { ...vm, rootOverlay: '/run/root.qcow2', tap: 'tap1' };
    const source = movableCommand(place, image, hardware);
    const destination = movableCommand(place, image, hardware, 'tcp:10.77.0.2:7440');
    assert.deepEqual(destination, [...source, '-incoming', 'tcp:10.77.0.2:7440']);
    assert.match(source.join(' '), /id=root,file=\/run\/root\.qcow2,format=qcow2 /);
    assert.match(source.join(' '), /ifname=tap1,/);
    const differs = /virtiofs|vhost-user-fs|id=share|id=root|ifname=/;
    assert.deepEqual(
      source.filter((argument) => !differs.test(argument)),
      qemuCommand(vm, image, hardware).filter((argument, index, all) => {
        const isOfShare = [argument, all[index + 1] ?? ''].some((each) =>
          /id=share|vhost-user-fs/.test(each),
        );
        return !isOfShare && !differs.test(argument);
      }),
    );
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

  it('maps all ids to an ordinary user, which only one of them can', () => {
    assert.deepEqual(virtiofsdCommand({ path: '/r', language: 'rust' }, '/s', '/f', 77).slice(4), [
      '--sandbox=none',
      '--translate-uid=squash-guest:0:77:4294967295',
      '--translate-gid=squash-guest:0:77:4294967295',
      '--translate-uid=squash-host:77:0:1',
      '--translate-gid=squash-host:77:0:1',
    ]);
    assert.throws(() => virtiofsdCommand({ path: '/c', language: 'c' }, '/s', '/f', 77), /too old/);
  });
});
