/**
 * What is wrong with a VM, one line each: the thing, what fails because of it, and what to do. Pure.
 */
import type { PortkeyError } from '../../../libraries/errors/index.js';
import { incompatibility } from '../migration/compatibility.js';
import { nodeOf, type Answer, type Findings } from './findings.js';

export function problemsOf({ vm, checkpoint, restore, host, attached }: Findings): string[] {
  const problems = [
    ...silence(
      checkpoint,
      `no container can leave ${vm.name}; start it in the VM, its log says why it ended`,
    ),
    ...silence(
      restore,
      `no container can run on ${vm.name} or move to it; start it in the VM, its log says why it ended`,
    ),
    ...silence(host, `only --mode criu moves a container from or to ${vm.name}; start it on ${vm.host}`),
  ];
  if ('value' in checkpoint && !checkpoint.value.softDirty) {
    problems.push(
      `the kernel of ${vm.name} (${checkpoint.value.kernel}) does not track dirty pages: no container can leave it; ` +
        'boot one with CONFIG_MEM_SOFT_DIRTY',
    );
  }
  if ('value' in host && attached === undefined) {
    problems.push(
      `${vm.relay.peer} was not given ${vm.name}: it migrates in criu mode only; add it to the relay's configuration`,
    );
  }
  if (attached !== undefined && attached.checkpoint?.ready !== true) {
    const why = attached.checkpoint?.detail ?? '';
    problems.push(
      `the hypercall channel of ${vm.name} is not ready: what leaves it migrates in criu mode only; ${why || 'see the log of its relay'}`,
    );
  }
  problems.push(...(attached?.problems ?? []));
  return problems;
}

/** Between this VM and each other one. */
export function differences(findings: Findings, all: readonly Findings[]): string[] {
  const source = nodeOf(findings);
  if (source === undefined) return [];
  return all.flatMap((other) => {
    const destination = other === findings ? undefined : nodeOf(other);
    const problem = destination === undefined ? undefined : incompatibility(source, destination);
    if (problem === undefined || problem.code === 'no-soft-dirty') return [];
    return [`no container can move from ${findings.vm.name} to ${other.vm.name}: ${problem.message}`];
  });
}

function silence(answer: Answer<unknown>, consequence: string): string[] {
  if ('value' in answer) return [];
  return [`${withoutQuestion(answer.error)}: ${consequence}`];
}

const withoutQuestion = (error: PortkeyError): string => error.message.replace(/; is it running\?$/, '');
