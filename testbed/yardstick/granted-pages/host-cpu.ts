/**
 * What a VM's host spends on it between two moments, by component, less the share of an idle VM: as the relay accounts
 * for it, and a migration's report does.
 *
 * The experiment's own receiver does the relay's work, so the relay that runs beside it is left out.
 */
import { filesOf } from '../../../libraries/certificates/index.js';
import { readSecurity, RpcClient, type CpuReading } from '../../../libraries/rpc/index.js';
import { hostIdentities } from '../../identities.js';
import type { VmPlace } from '../../topology.js';

const deadlineMs = 10_000;
const readComponents = ['vm', 'virtiofsd', 'vhost'] as const;
export const components = ['receiver', ...readComponents] as const;
export type HostCpu = Record<(typeof components)[number], number>;

export class HostCpuMeter implements Disposable {
  private readonly relay: RpcClient<'HypervisorRelay'>;

  constructor(
    private readonly vm: Pick<VmPlace, 'name' | 'relaySocket' | 'host' | 'certificates'>,
    private readonly signal: AbortSignal,
  ) {
    this.relay = new RpcClient(
      'HypervisorRelay',
      `unix:${vm.relaySocket}`,
      `relay of ${vm.host}`,
      // Relays answer nobody else.
      readSecurity(filesOf(vm.certificates, hostIdentities.controller)),
      {
        role: 'relay',
        name: vm.host,
      },
    );
  }

  /** Runs the work, which says what it took the receiver. */
  async during(work: () => Promise<number>): Promise<HostCpu> {
    const before = await this.read();
    const receiver = await work();
    return hostCpuBetween(before, await this.read(), receiver);
  }

  [Symbol.dispose](): void {
    this.relay.close();
  }

  private read(): Promise<CpuReading> {
    return this.relay.call('ReadCpu', { vm: this.vm.name }, { deadlineMs, signal: this.signal });
  }
}

/** A component that used less than an idle VM's share has used nothing. */
export function hostCpuBetween(before: CpuReading, after: CpuReading, receiver: number): HostCpu {
  const elapsed = after.atSeconds - before.atSeconds;
  const net = (component: (typeof readComponents)[number]): number => {
    const raw = (after.used?.[component] ?? 0) - (before.used?.[component] ?? 0);
    return Math.max(0, raw - (before.idlePerSecond?.[component] ?? 0) * elapsed);
  };
  return { receiver, vm: net('vm'), virtiofsd: net('virtiofsd'), vhost: net('vhost') };
}

export function sumOf(cpu: HostCpu): number {
  return components.reduce((sum, component) => sum + cpu[component], 0);
}
