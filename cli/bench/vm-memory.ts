/**
 * How much memory a VM needs for the experiment's containers.
 *
 * The destination refuses a container for which its kernel has too little MemAvailable: once its memory in Portkey
 * mode, where it lands outside the VM; twice in CRIU mode, where the images are in the VM beside the restored
 * container; and some room in both (services/restore/arrival.ts). A Redis takes somewhat more than its values: 9 %
 * more in 256 MiB of them under a writing client. What the guest itself takes is only needed to choose a VM's size;
 * of VMs that run it can be asked.
 */
import { PortkeyError } from '../../libraries/errors/index.js';
import type { ClusterVm } from '../../libraries/rpc/index.js';
import { formatBytes } from '../../libraries/units/index.js';
import type { ModeName } from '../options.js';
import { largestSize, type BenchPlan } from './plan.js';

const mebibyte = 2 ** 20;
const gibibyte = 2 ** 30;
const headroomBytes = 64 * mebibyte;
const programBytes = 16 * mebibyte;
const overheadFactor = 1.1;
const guestBytes = 384 * mebibyte;
const leastVmBytes = 2 * gibibyte;

/** MemAvailable that the plan's largest container needs at its destination. */
export function neededBytes(plan: BenchPlan): number {
  const copies: Record<ModeName, number> = { portkey: 1, criu: 2 };
  const memoryBytes = largestSize(plan) * overheadFactor + programBytes;
  return Math.max(...plan.modes.map((mode) => copies[mode])) * memoryBytes + headroomBytes;
}

/** A power of two in GiB. */
export function vmMemoryFor(plan: BenchPlan): number {
  const needed = neededBytes(plan) + guestBytes;
  return Math.max(leastVmBytes, 2 ** Math.ceil(Math.log2(needed)));
}

/** Throws `invalid-argument`: in VMs of this size the largest container would be refused. */
export function requireVmMemory(plan: BenchPlan, vmMemoryBytes: number): void {
  if (vmMemoryBytes >= neededBytes(plan)) return;
  throw new PortkeyError(
    'invalid-argument',
    `VMs of ${formatBytes(vmMemoryBytes)} are too small for ${largestText(plan)}; ` +
      `write --vm-memory ${sizeText(vmMemoryFor(plan))} or leave it out`,
  );
}

/** Throws `no-room`, or `agent-unavailable` where a VM does not say what it has. */
export function requireAvailableMemory(plan: BenchPlan, vms: readonly ClusterVm[]): void {
  for (const { name, node } of vms) {
    if (node === null)
      throw new PortkeyError('agent-unavailable', `${name} does not answer; see 'portkey doctor'`);
    const { memoryAvailableBytes } = node;
    if (memoryAvailableBytes >= neededBytes(plan)) continue;
    throw new PortkeyError(
      'no-room',
      `${name} has ${formatBytes(memoryAvailableBytes)} of memory available, too little for ${largestText(plan)}; ` +
        `use a test bed with --vm-memory ${sizeText(vmMemoryFor(plan))}, or smaller --sizes`,
    );
  }
}

function largestText(plan: BenchPlan): string {
  const mode = plan.modes.includes('criu') ? 'criu' : 'portkey';
  return `a container of ${formatBytes(largestSize(plan))} in ${mode} mode, which needs ${formatBytes(neededBytes(plan))}`;
}

const sizeText = (bytes: number): string => `${bytes / gibibyte}G`;
