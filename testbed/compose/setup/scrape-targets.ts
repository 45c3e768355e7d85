/**
 * Where Prometheus finds the metrics of a test bed's services: the format of its file_sd_configs, with the service as `job`.
 *
 * Services that belong to a host say which by the label `host`, those in a VM by `vm`, too. A relay's metrics have a label `vm`
 * of their own.
 */
import { relayMetricsPort } from '../../configs.js';
import type { Topology } from '../../topology.js';

export interface TargetGroup {
  readonly targets: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

/** Of the agents, as image/guest/setup.sh has them. */
const agentPorts = { checkpoint: 9411, restore: 9412 } as const;

export function scrapeTargets({ controllers, vms }: Topology): TargetGroup[] {
  return [
    { targets: controllers.map(({ metrics }) => metrics), labels: { job: 'controller' } },
    ...vms.flatMap(({ name, host, address, hostAddress }) => {
      const inVm = (job: 'checkpoint' | 'restore'): TargetGroup => ({
        targets: [`${address}:${agentPorts[job]}`],
        labels: { job, host, vm: name },
      });
      const relay = { targets: [`${hostAddress}:${relayMetricsPort}`], labels: { job: 'relay', host } };
      return [relay, inVm('checkpoint'), inVm('restore')];
    }),
  ];
}
