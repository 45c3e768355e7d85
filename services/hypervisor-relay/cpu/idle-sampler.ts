/**
 * An idle VM's own CPU: the lowest that it used in any window of two seconds since it was attached.
 *
 * Sampled once a second. The window with the lowest sum counts, and its parts are reported as they were, so that
 * they belong together. A process that was started anew counts from 0 again; such a window says nothing.
 */
import type { CpuSeconds } from '../../../libraries/rpc/index.js';

const windowSeconds = 2;

interface Sample {
  readonly atSeconds: number;
  readonly used: CpuSeconds;
}

export class IdleSampler {
  private readonly samples: Sample[] = [];
  private lowest: CpuSeconds | undefined;

  /** `used` as VmProcesses has it; undefined where there is no VM, which starts over. */
  add(atSeconds: number, used: CpuSeconds | undefined): void {
    if (used === undefined) {
      this.samples.length = 0;
      this.lowest = undefined;
      return;
    }
    this.samples.push({ atSeconds, used });
    let [first] = this.samples;
    while (first !== undefined && atSeconds - first.atSeconds >= windowSeconds) {
      this.consider(first, { atSeconds, used });
      this.samples.shift();
      [first] = this.samples;
    }
  }

  /** CPU per second of an idle VM; zeros until the first window is full. */
  get idlePerSecond(): CpuSeconds {
    return this.lowest ?? { vm: 0, relay: 0, virtiofsd: 0, vhost: 0 };
  }

  private consider(first: Sample, last: Sample): void {
    const seconds = last.atSeconds - first.atSeconds;
    const share = {
      vm: (last.used.vm - first.used.vm) / seconds,
      relay: (last.used.relay - first.used.relay) / seconds,
      virtiofsd: (last.used.virtiofsd - first.used.virtiofsd) / seconds,
      vhost: (last.used.vhost - first.used.vhost) / seconds,
    };
    if (Object.values(share).some((value) => value < 0)) return;
    if (this.lowest === undefined || total(share) < total(this.lowest)) this.lowest = share;
  }
}

function total({ vm, relay, virtiofsd, vhost }: CpuSeconds): number {
  return vm + relay + virtiofsd + vhost;
}
