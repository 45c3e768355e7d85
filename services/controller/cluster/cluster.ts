/**
 * The whole cluster at one look, for `portkey doctor`: each VM's agents and relay, and what would keep a migration
 * from or to it from working.
 */
import { asPortkeyError } from '../../../libraries/errors/index.js';
import type { ClusterVm } from '../../../libraries/rpc/index.js';
import type { Limits } from '../limits.js';
import type { Vm } from '../vms/vm.js';
import type { Vms } from '../vms/vms.js';
import { nodeOf, type Answer, type Findings } from './findings.js';
import { differences, problemsOf } from './problems.js';

export async function inspectCluster(vms: Vms, limits: Limits): Promise<ClusterVm[]> {
  const all = await Promise.all(vms.all.map((vm) => inspectVm(vm, limits)));
  return all.map((findings) => ({
    name: findings.vm.name,
    host: findings.vm.host,
    node: nodeOf(findings) ?? null,
    relay: findings.attached ?? null,
    problems: [...problemsOf(findings), ...differences(findings, all)],
  }));
}

async function inspectVm(vm: Vm, limits: Limits): Promise<Findings> {
  const options = { deadlineMs: limits.questionMs };
  const [checkpoint, restore, host] = await Promise.all([
    answerOf(vm.checkpoint.ask('GetNode', {}, options)),
    answerOf(vm.restore.ask('GetNode', {}, options)),
    answerOf(vm.relay.ask('GetHost', {}, options)),
  ]);
  const attached = 'value' in host ? host.value.vms.find(({ name }) => name === vm.name) : undefined;
  return { vm, checkpoint, restore, host, attached };
}

async function answerOf<T>(call: Promise<T>): Promise<Answer<T>> {
  try {
    return { value: await call };
  } catch (thrown) {
    return { error: asPortkeyError(thrown) };
  }
}
