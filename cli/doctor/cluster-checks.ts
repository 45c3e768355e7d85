/**
 * What the controller sees of the cluster, as checks. The controller says itself what each problem breaks and what
 * to do; here each VM is one check a problem, or one that says what it has.
 */
import type { Cluster, ClusterVm } from '../../libraries/rpc/index.js';
import { ok, type Check } from './check.js';

export function clusterChecks(cluster: Cluster, address: string): Check[] {
  return [controllerCheck(cluster, address), redisCheck(cluster), ...cluster.vms.flatMap(vmChecks)];
}

export function controllerCheck({ version }: Cluster, address: string): Check {
  return ok('cluster', 'controller', `${version} at ${address}`);
}

function redisCheck({ redis, redisVolatile }: Cluster): Check {
  const failed = { area: 'cluster', name: 'redis', state: 'failed' } as const;
  if (!redis)
    return {
      ...failed,
      detail: 'does not answer the controller: no migration can start',
      fix: 'start it, or take the test bed down and up again',
    };
  if (redisVolatile)
    return {
      ...failed,
      detail:
        'keeps no append-only file: when it ends, commits are forgotten, and containers stand still until they are rescued',
      fix: 'start it with: --appendonly yes --appendfsync always',
    };
  return ok('cluster', 'redis', 'answers the controller, and keeps an append-only file');
}

function vmChecks(vm: ClusterVm): Check[] {
  if (vm.problems.length === 0) return [ok('cluster', vm.name, description(vm))];
  return vm.problems.map((problem): Check => {
    const separator = problem.lastIndexOf('; ');
    return {
      area: 'cluster',
      name: vm.name,
      state: 'failed',
      detail: separator < 0 ? problem : problem.slice(0, separator),
      fix: separator < 0 ? "see 'portkey testbed status' and the logs" : problem.slice(separator + 2),
    };
  });
}

function description({ host, node, relay }: ClusterVm): string {
  const parts = [`on ${host}`];
  if (node !== null)
    parts.push(`kernel ${node.kernel}`, `CRIU ${node.criuVersion}`, `runc ${node.runcVersion}`, 'soft-dirty');
  if (relay !== null)
    parts.push(`QEMU ${relay.qemuVersion} (${relay.accelerator})`, 'hypercall channel ready');
  return parts.join(', ');
}
