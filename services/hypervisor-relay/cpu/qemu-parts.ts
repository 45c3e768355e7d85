/**
 * QEMU's CPU, parted into the threads that run the guest and the rest.
 *
 * The process and its threads are read one after the other, so that the difference can be less than it was a moment ago. Told
 * like that, it would count as a counter that began anew, and a rate over it would be all that QEMU ever used. So neither part
 * falls: what one reading has too much of, the next ones have less.
 * Limit: a QEMU that was started anew is known by having used less than before; one that catches up between two readings is not.
 */
export interface QemuCpu {
  readonly vcpu: number;
  readonly vmm: number;
}

export class QemuParts {
  private vm = 0;
  private last: QemuCpu = { vcpu: 0, vmm: 0 };

  /** Seconds since QEMU has started: of the process, and of its vCPU threads as read after it. */
  of(vm: number, vcpuThreads: number): QemuCpu {
    if (vm < this.vm) this.last = { vcpu: 0, vmm: 0 };
    this.vm = vm;
    const vcpu = Math.min(vcpuThreads, vm);
    this.last = { vcpu: Math.max(this.last.vcpu, vcpu), vmm: Math.max(this.last.vmm, vm - vcpu) };
    return this.last;
  }
}
