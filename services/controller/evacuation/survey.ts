/**
 * What an evacuation is planned by: the containers of the VM, and what the VMs that they may go to have free.
 *
 * The VM that is left must answer. Of the others, one that does not is no candidate; a container that cannot be described
 * stays, and says why.
 */
import { asPortkeyError, PortkeyError } from '../../../libraries/errors/index.js';
import type { Container } from '../../../libraries/rpc/index.js';
import type { Tools } from '../migration/migration.js';
import { areInOneGroup, requireSameGroup } from '../vms/groups.js';
import { needed } from '../vms/reachable.js';
import type { Vm } from '../vms/vm.js';
import type { Candidate, Leaving, Placing } from './plan.js';

type Staying = Extract<Placing, { stays: PortkeyError }>;

export interface Survey {
  readonly leaving: readonly Leaving[];
  /** What is known to stay without any plan. */
  readonly staying: readonly Placing[];
  readonly candidates: readonly Candidate[];
}

/** `to`: the only candidate; empty for all others. Throws `vm-unknown`, `invalid-argument`, `not-permitted` and
 * `agent-unavailable`. */
export async function survey(tools: Tools, from: string, to: string): Promise<Survey> {
  const { vms } = tools;
  const source = vms.get(from);
  if (to === from) {
    throw new PortkeyError('invalid-argument', `the containers of ${from} are to leave it; name another VM`);
  }
  const others =
    to === '' ? vms.all.filter((vm) => vm !== source && areInOneGroup(source, vm)) : [vms.get(to)];
  for (const vm of others) requireSameGroup(source, vm);
  const [containers, candidates] = await Promise.all([
    needed(vms.containersOf(source), 'agent-unavailable'),
    Promise.all(others.map((vm) => candidate(tools, vm, to !== ''))),
  ]);
  const described = await Promise.all(containers.map((container) => describe(tools, source, container)));
  return {
    leaving: described.filter((one): one is Leaving => !('stays' in one)),
    staying: described.filter((one): one is Staying => 'stays' in one),
    candidates: candidates.filter((one) => one !== undefined),
  };
}

async function describe(
  { limits }: Tools,
  source: Vm,
  { name: container, state }: Container,
): Promise<Leaving | Staying> {
  if (state !== 'running') {
    const text = `container '${container}' is ${state}; only a running one can migrate`;
    return { container, stays: new PortkeyError('container-not-running', text) };
  }
  try {
    const { memoryBytes, node } = await needed(
      source.checkpoint.ask('Describe', { container }, { deadlineMs: limits.stepMs }),
      'agent-unavailable',
    );
    if (node !== null) return { container, memoryBytes, node };
    throw new PortkeyError('internal', `${source.checkpoint.peer} described a container without its node`);
  } catch (thrown) {
    return { container, stays: asPortkeyError(thrown) };
  }
}

/** Undefined where it does not answer; where it was named, that is an error. */
async function candidate({ limits, vms }: Tools, vm: Vm, isNamed: boolean): Promise<Candidate | undefined> {
  const options = { deadlineMs: limits.questionMs };
  try {
    const [node, containers, landingFreeBytes] = await Promise.all([
      needed(vm.restore.ask('GetNode', {}, options), 'agent-unavailable'),
      needed(vms.containersOf(vm), 'agent-unavailable'),
      landingRoom(vm, limits.questionMs),
    ]);
    return {
      ...{ vm: vm.name, node, containers: containers.map(({ name }) => name) },
      freeBytes: Math.min(node.memoryAvailableBytes, landingFreeBytes),
    };
  } catch (thrown) {
    if (isNamed) throw thrown;
    return undefined;
  }
}

/** A VM without a relay, or without its own there, is migrated to in criu mode, where pages land in the guest. */
async function landingRoom(vm: Vm, questionMs: number): Promise<number> {
  try {
    const host = await vm.relay.ask('GetHost', {}, { deadlineMs: questionMs });
    return host.vms.find(({ name }) => name === vm.name)?.landingFreeBytes ?? Infinity;
  } catch {
    return Infinity;
  }
}
