/**
 * QEMU's command line for one VM of the test bed, and for one that QEMU itself can migrate.
 *
 * q35 with nothing on it by default; RAM in a file that others map (share=on), touched in advance so that the
 * host's first-touch faults do not land in a measurement; the root disk writable with writes that vanish; the code
 * disk and the one with the guest's certificates read-only; two virtio-serial ports for hypercalls; virtiofs; one NIC on a tap; direct kernel boot.
 *
 * Under TCG the guest is not offered some CPU features. erms, fsrm: `rep movsb/stosb` is emulated byte by byte,
 * which makes every copy several times too dear. cx16: QEMU 7.2 leaves garbage in the flags after cmpxchg16b, which
 * an interrupt right behind it makes real; the guest's allocator, full of them, then crashes one boot in five.
 * la57: five levels of page tables make every miss of the emulated TLB dearer, for nothing. And addresses are not
 * randomized there: QEMU finds code that it has translated before only at the same address, which halves the time
 * that each start of a program takes (measured: `node -e 0` 2.0 s → 1.0 s).
 *
 * QEMU migrates no VM with virtiofs. One that it shall migrate is the same without that device, and its root disk is one
 * that both QEMUs open: what the guest has written there must not stay behind.
 */
import type { GuestImage } from '../image/store.js';
import { tapName } from '../network/commands.js';
import { networkPrefix, type VmPlace } from '../topology.js';

export type Accelerator = 'kvm' | 'tcg';

export const qemuProgram = 'qemu-system-x86_64';

/**
 * With KVM as many as the smallest host has cores: a container with threads shall run them in parallel. One under
 * TCG: when a guest's kernel patches its own code (a breakpoint that CRIU sets switches on a static key of the
 * scheduler), another emulated CPU can still run into the patch after it is gone, and the kernel panics with
 * "Oops: int3" (seen in QEMU 7.2). A single CPU cannot.
 */
export const vmCpus: Readonly<Record<Accelerator, number>> = { kvm: 2, tcg: 1 };

export interface VmHardware {
  readonly accelerator: Accelerator;
  readonly memoryBytes: number;
  readonly vhostNet: boolean;
  readonly codeDisk: string;
  readonly consoleLog: string;
}

/** What the command line of a VM that QEMU can migrate says of it. */
export interface MovablePlace extends CommonPlace {
  /** A qcow2 file with the image's root disk behind it, which the QEMUs at both ends open. */
  readonly rootOverlay: string;
  readonly tap: string;
}

type CommonPlace = Pick<
  VmPlace,
  'name' | 'address' | 'mac' | 'ramFile' | 'qmpSocket' | 'checkpointSocket' | 'restoreSocket' | 'identityDisk'
>;

interface OwnParts {
  readonly rootDisk: readonly string[];
  readonly share: readonly string[];
  readonly tap: string;
}

export function qemuCommand(
  vm: Omit<VmPlace, 'namespace'>,
  image: GuestImage,
  hardware: VmHardware,
): string[] {
  return command(vm, image, hardware, {
    rootDisk: disk('root', image.rootfs, 'format=raw,snapshot=on'),
    share: [
      ...['-chardev', `socket,id=share,path=${vm.virtiofsdSocket}`],
      ...['-device', 'vhost-user-fs-pci,chardev=share,tag=portkey'],
    ],
    tap: tapName,
  });
}

/** `incoming`: the address at which it waits for the VM instead of starting it. */
export function movableCommand(
  vm: MovablePlace,
  image: GuestImage,
  hardware: VmHardware,
  incoming?: string,
): string[] {
  const rootDisk = disk('root', vm.rootOverlay, 'format=qcow2');
  return [
    ...command(vm, image, hardware, { rootDisk, share: [], tap: vm.tap }),
    ...(incoming === undefined ? [] : ['-incoming', incoming]),
  ];
}

function command(
  vm: CommonPlace,
  image: GuestImage,
  hardware: VmHardware,
  { rootDisk, share, tap }: OwnParts,
): string[] {
  return [
    qemuProgram,
    ...['-name', `portkey-${vm.name},debug-threads=on`],
    ...['-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none'],
    ...machine(hardware.accelerator),
    ...['-smp', String(vmCpus[hardware.accelerator])],
    ...memory(vm.ramFile, hardware.memoryBytes),
    ...boot(
      image,
      hardware.accelerator,
      `portkey.vm=${vm.name} portkey.address=${vm.address}/${networkPrefix}`,
    ),
    ...rootDisk,
    ...disk('code', hardware.codeDisk, 'format=raw,readonly=on'),
    ...disk('identity', vm.identityDisk, 'format=raw,readonly=on'),
    ...['-device', 'virtio-serial-pci'],
    ...port('checkpoint', vm.checkpointSocket),
    ...port('restore', vm.restoreSocket),
    ...share,
    ...['-netdev', `tap,id=net,ifname=${tap},script=no,downscript=no${hardware.vhostNet ? ',vhost=on' : ''}`],
    ...['-device', `virtio-net-pci,netdev=net,mac=${vm.mac},romfile=`],
    ...['-qmp', `unix:${vm.qmpSocket},server=on,wait=off`],
    ...['-serial', `file:${hardware.consoleLog}`],
  ];
}

/** A VM without disks that ends right after its kernel has started: see guest/initrd.sh. */
export function probeCommand(image: GuestImage, accelerator: Accelerator): string[] {
  return [
    qemuProgram,
    ...['-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none'],
    ...machine(accelerator),
    ...['-m', '256M'],
    ...boot(image, accelerator, 'portkey.probe'),
    ...['-serial', 'stdio'],
  ];
}

const emulatedCpu = 'max,-erms,-fsrm,-cx16,-la57';

function machine(accelerator: Accelerator): string[] {
  return accelerator === 'kvm'
    ? ['-machine', 'q35', '-accel', 'kvm', '-cpu', 'host']
    : ['-machine', 'q35', '-accel', 'tcg,thread=multi', '-cpu', emulatedCpu];
}

function memory(file: string, bytes: number): string[] {
  const backend = `memory-backend-file,id=ram,size=${bytes},mem-path=${file},share=on,prealloc=on`;
  return ['-m', `${bytes / 2 ** 20}M`, '-object', backend, '-machine', 'memory-backend=ram'];
}

function boot(image: GuestImage, accelerator: Accelerator, parameters: string): string[] {
  const layout = accelerator === 'tcg' ? 'norandmaps ' : '';
  // On a busy host the kernel's own check of the timer at boot can miss its ticks, and would panic.
  const commandLine = `console=ttyS0 quiet panic=-1 no_timer_check ${layout}${parameters}`;
  return ['-kernel', image.kernel, '-initrd', image.initrd, '-append', commandLine];
}

function disk(id: string, file: string, mode: string): string[] {
  return [
    ...['-drive', `if=none,id=${id},file=${file},${mode}`],
    ...['-device', `virtio-blk-pci,drive=${id}`],
  ];
}

function port(agent: 'checkpoint' | 'restore', socket: string): string[] {
  return [
    ...['-chardev', `socket,id=${agent},path=${socket},server=on,wait=off`],
    ...['-device', `virtserialport,chardev=${agent},name=portkey.${agent}`],
  ];
}
