/**
 * When a migration is settled, whatever befell it: it has ended as completed, rolled back or refused, its container runs in one
 * place, the right one, and nothing else is left of it anywhere.
 *
 * A container is lost with its VM where that is killed before another has taken over: the one case in which no copy is left,
 * and then nothing at all may be left.
 */
import { setTimeout as delay } from 'node:timers/promises';

import { migrations } from '../e2e/support/migrations.js';
import type { Cell } from './cell.js';
import type { Guests } from './guests.js';
import type { Scene } from './parts.js';
import type { Phase } from './phases.js';
import { remainsIn, remainsOnHosts, type VmRemains } from './remains.js';

export type Ending = 'completed' | 'rolled back' | 'refused' | 'lost with its VM';

const lookMs = 1_000;

/** The destination has none of the container yet that could do without the source's VM, or has given it up. */
const onlyAtSource: readonly Phase[] = ['preflight', 'precopy', 'frozen', 'dumped', 'aborted'];
/** The source's copy has become too old, or is gone. */
const onlyAtDestination: readonly Phase[] = ['activated', 'done'];

/** Where the VM that is killed has the only copy that may run then, and until it is back. */
function mayBeLost({ part, kind, phase }: Cell): boolean {
  if (kind !== 'kill') return false;
  if (part === 'VM of the source') return onlyAtSource.includes(phase);
  return part === 'VM of the destination' && onlyAtDestination.includes(phase);
}

export interface Settled {
  /** Undefined where it did not settle. */
  readonly ending: Ending | undefined;
  /** The code of the error that the migration ended with, '' without one. */
  readonly reason: string;
  readonly findings: readonly string[];
}

const endings: Readonly<Record<string, Ending>> = {
  done: 'completed',
  'rolled-back': 'rolled back',
  refused: 'refused',
};

/** `known`: the newest migration before this one. */
export async function untilSettled(
  cell: Cell,
  container: string,
  { source, destination, guests }: Scene,
  known: string,
  endMs: number,
): Promise<Settled> {
  const vms = [source.name, destination.name];
  for (;;) {
    const seen = await look(guests, container, vms, known, mayBeLost(cell)).catch((error: unknown) => ({
      ending: undefined,
      reason: '',
      findings: [String(error)],
    }));
    if (seen.findings.length === 0 || performance.now() > endMs) return seen;
    await delay(lookMs);
  }
}

async function look(
  guests: Guests,
  container: string,
  vms: readonly string[],
  known: string,
  isLossPossible: boolean,
): Promise<Settled> {
  const [newest] = await migrations();
  if (newest === undefined || newest.id === known)
    return { ending: 'refused', reason: '', findings: ['no migration is recorded'] };
  const { error: reason } = newest;
  const ending = endings[newest.state];
  if (ending === undefined && !(isLossPossible && newest.state === 'failed'))
    return { ending, reason, findings: [`the migration is ${newest.state}`] };
  const remains = await Promise.all(vms.map((vm) => remainsIn(guests, vm)));
  const leftovers = [...remains.flatMap((vm) => vm.leftovers), ...(await remainsOnHosts())];
  const count = remains.flatMap(({ copies }) => copies).length;
  if (count === 0 && isLossPossible) return { ending: 'lost with its VM', reason, findings: leftovers };
  return { ending, reason, findings: [...leftovers, ...misplaced(container, vms, remains, ending)] };
}

function misplaced(
  container: string,
  [source = '', destination = '']: readonly string[],
  remains: readonly VmRemains[],
  ending: Ending | undefined,
): string[] {
  const home = ending === 'completed' ? destination : source;
  return remains.flatMap(({ vm, copies }) => {
    const copy = copies.find(({ name }) => name === container);
    if (vm !== home) return copy === undefined ? [] : [`${vm} has a copy, too`];
    return copy?.isRunning === true
      ? []
      : [`${vm} has ${copy === undefined ? 'no copy' : 'a copy that stands still'}`];
  });
}
