/** The CPU of all VMs of this host, sampled once a second. */
import { PortkeyError } from '../../../libraries/errors/index.js';
import type { Clock } from '../../../libraries/process/index.js';
import type { CpuReading } from '../../../libraries/rpc/index.js';
import type { VmConfig } from '../config.js';
import { IdleSampler } from './idle-sampler.js';
import { VmProcesses } from './processes.js';
import { QemuParts } from './qemu-parts.js';

const sampleMs = 1_000;
/** What a reading has as `vm` is parted here: vcpu runs the guest, vmm is the rest of QEMU. */
export const hostComponents = ['vcpu', 'vmm', 'relay', 'virtiofsd', 'vhost'] as const;
export type HostComponent = (typeof hostComponents)[number];

interface Account {
  readonly config: VmConfig;
  readonly processes: VmProcesses;
  readonly idle: IdleSampler;
  readonly parts: QemuParts;
}

export class CpuAccounts {
  private readonly accounts: ReadonlyMap<string, Account>;
  private readonly stopping = new AbortController();
  private loop: Promise<void> = Promise.resolve();

  constructor(
    vms: readonly VmConfig[],
    private readonly clock: Clock,
  ) {
    this.accounts = new Map(
      vms.map((config) => [
        config.name,
        {
          config,
          processes: new VmProcesses({ ...config, clock }),
          idle: new IdleSampler(),
          parts: new QemuParts(),
        },
      ]),
    );
  }

  start(): void {
    this.loop = this.sample();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.loop;
  }

  /** Throws `vm-unknown`, and `service-unavailable` where its QEMU does not run. */
  read(vm: string): CpuReading {
    const account = this.accounts.get(vm);
    if (account === undefined) throw new PortkeyError('vm-unknown', `this relay was not given a VM '${vm}'`);
    const atSeconds = this.clock.monotonicMs() / 1000;
    const used = account.processes.used();
    if (used === undefined) {
      throw new PortkeyError(
        'service-unavailable',
        `no QEMU runs for ${vm}: ${account.config.qemuPidFile} names none; is the VM up?`,
      );
    }
    return { used, idlePerSecond: account.idle.idlePerSecond, atSeconds };
  }

  /** For metrics: each VM's components, VMs that do not run left out. */
  all(): { vm: string; component: HostComponent; seconds: number }[] {
    return [...this.accounts].flatMap(([vm, { processes, parts }]) => {
      const used = processes.used();
      if (used === undefined) return [];
      const seconds = { ...used, ...parts.of(used.vm, processes.vcpuSeconds()) };
      return hostComponents.map((component) => ({ vm, component, seconds: seconds[component] }));
    });
  }

  private async sample(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      const atSeconds = this.clock.monotonicMs() / 1000;
      for (const { processes, idle } of this.accounts.values()) idle.add(atSeconds, processes.used());
      await this.clock.sleep(sampleMs, signal).catch(() => undefined);
    }
  }
}
