/**
 * Which VM each container of another VM goes to. Pure.
 *
 * The largest container chooses first, among the VMs that can take it: they answer, have no container of its name, can run
 * its process image (migration/compatibility.ts) and have the memory, in the guest and on the host where its pages land.
 * It takes the one with the most free memory, which has the less for the next. That is no optimum, but it fails to place
 * only what no VM could take then, and spreads what it places.
 *
 * Preflight checks all of it anew: this is to choose well and to say beforehand what would stay, not to be sure.
 */
import { PortkeyError } from '../../../libraries/errors/index.js';
import type { NodeInfo } from '../../../libraries/rpc/index.js';
import { formatBytes } from '../../../libraries/units/index.js';
import { incompatibility } from '../migration/compatibility.js';

export interface Leaving {
  readonly container: string;
  readonly memoryBytes: number;
  /** Of the VM it is on. */
  readonly node: NodeInfo;
}

export interface Candidate {
  readonly vm: string;
  readonly node: NodeInfo;
  /** What a container may need: the lesser of the guest's memory and the room for its pages on the host. */
  readonly freeBytes: number;
  /** Names of its containers. */
  readonly containers: readonly string[];
}

export type Placing =
  | { readonly container: string; readonly to: string }
  | { readonly container: string; readonly stays: PortkeyError };

/** What must be left in a VM after it has taken a container. */
export const spareBytes = 64 * 2 ** 20;

/** One placing for each of `leaving`, in the order of their names. */
export function planEvacuation(leaving: readonly Leaving[], candidates: readonly Candidate[]): Placing[] {
  const free = new Map(candidates.map(({ vm, freeBytes }) => [vm, freeBytes]));
  const freeOf = ({ vm }: Candidate): number => free.get(vm) ?? 0;
  const largestFirst = [...leaving].sort(
    (a, b) => b.memoryBytes - a.memoryBytes || a.container.localeCompare(b.container),
  );
  const placings = largestFirst.map((mover): Placing => {
    const { container, memoryBytes } = mover;
    const judged = candidates.map((candidate) => ({
      candidate,
      obstacle: obstacleTo(mover, candidate, freeOf(candidate)),
    }));
    const [best] = judged
      .filter(({ obstacle }) => obstacle === undefined)
      .map(({ candidate }) => candidate)
      .sort((a, b) => freeOf(b) - freeOf(a) || a.vm.localeCompare(b.vm));
    if (best === undefined) {
      return {
        container,
        stays: nowhere(container, judged.map(({ obstacle }) => obstacle).filter(isDefined)),
      };
    }
    free.set(best.vm, freeOf(best) - memoryBytes);
    return { container, to: best.vm };
  });
  return placings.sort((a, b) => a.container.localeCompare(b.container));
}

function obstacleTo(
  { container, memoryBytes, node }: Leaving,
  candidate: Candidate,
  freeBytes: number,
): PortkeyError | undefined {
  if (candidate.containers.includes(container)) {
    return new PortkeyError('container-exists', `${candidate.vm} has a container '${container}' already`);
  }
  const incompatible = incompatibility(node, candidate.node);
  if (incompatible !== undefined) return incompatible;
  const needed = memoryBytes + spareBytes;
  if (freeBytes >= needed) return undefined;
  return new PortkeyError(
    'no-room',
    `container '${container}' needs ${formatBytes(needed)}, and ${candidate.vm} will have ${formatBytes(Math.max(0, freeBytes))}`,
  );
}

function nowhere(container: string, obstacles: readonly PortkeyError[]): PortkeyError {
  const [first] = obstacles;
  if (first === undefined) {
    return new PortkeyError(
      'vm-unknown',
      `there is no VM that container '${container}' could go to; see: portkey doctor`,
    );
  }
  return new PortkeyError(first.code, obstacles.map(({ message }) => message).join('; '));
}

const isDefined = <T>(value: T | undefined): value is T => value !== undefined;
