/**
 * One cell of the matrix: one migration, one fault at one moment of it, and what came of both.
 *
 *     migrate ──▶ the state is about to be written, or has been ──▶ break the part ──▶ let the migration go on
 *        ──▶ hold (stop and cut) ──▶ end the fault, wait until the part answers ──▶ settled ──▶ look
 *
 * Settled: the migration has ended as completed, rolled back or refused, its container runs in one place, and nothing else is
 * left of it anywhere. The time to that counts from the end of the fault; of a part that was killed only from when it answers
 * again, since until then the fault lasts.
 *
 * A container is lost with its VM where that is killed before another has taken over: the one case in which no copy is left,
 * and then nothing at all may be left.
 */
import { setTimeout as delay } from 'node:timers/promises';

import { migrations } from '../e2e/support/migrations.js';
import { portkeyJson, startPortkey, type RunningCommand } from '../e2e/support/portkey.js';
import { untilUp } from './bed.js';
import { breakPart, type Kind, type Part, type Scene } from './parts.js';
import type { Phase } from './phases.js';
import type { Moment } from './redis-link.js';
import { remainsIn, remainsOnHosts, runningCopies, type VmRemains } from './remains.js';

export interface Cell {
  readonly part: Part;
  readonly kind: Kind;
  readonly phase: Phase;
  readonly moment: Moment;
}

export type Ending = 'completed' | 'rolled back' | 'refused' | 'lost with its VM';

export interface CellResult extends Cell {
  /** Undefined where it did not settle. */
  readonly ending: Ending | undefined;
  readonly settleSeconds: number;
  /** The most copies that were seen to run at once. */
  readonly mostCopies: number;
  readonly lostWrites: number;
  /** What is not as it should be; empty where all is well. */
  readonly findings: readonly string[];
}

export interface CellOptions {
  /** How long a part stands still, or is cut off. */
  readonly holdMs: number;
  readonly settleMs: number;
  /** As `migrate --mode` takes it. */
  readonly mode: string;
}

/** Until a migration reaches any state. */
const reachMs = 60_000;
const lookMs = 1_000;
/**
 * Until a command has ended whose migration has: it waits a minute for an answer to a container's client, whose retransmissions
 * are as far apart as the container was out of reach.
 */
const commandMs = 75_000;

export async function runCell(
  cell: Cell,
  container: string,
  scene: Scene,
  { holdMs, settleMs, mode }: CellOptions,
): Promise<CellResult> {
  const known = await newestMigration();
  const commands: RunningCommand[] = [];
  try {
    await begin(cell, container, mode, scene, commands);
    const vms = [scene.source.name, scene.destination.name];
    const heal = await breakPart(cell.part, cell.kind, scene).finally(() => scene.link.release());
    const copies: string[][] = [];
    const countCopies = async (): Promise<void> => void copies.push(await runningCopies(vms, container));
    try {
      if (cell.kind !== 'kill') await delay(holdMs);
      await countCopies();
    } finally {
      await heal();
    }
    const endedMs = performance.now();
    await untilUp();
    const healedMs = cell.kind === 'kill' ? performance.now() : endedMs;
    await countCopies();
    const settled = await untilSettled(container, vms, known, mayBeLost(cell), healedMs + settleMs);
    const settleSeconds = (performance.now() - healedMs) / 1000;
    await countCopies();
    const isLost = settled.ending === 'lost with its VM';
    const findings = [...settled.findings];
    if (settleSeconds > settleMs / 1000) findings.push(`it took longer than ${settleMs / 1000} s`);
    // The command waits a minute for an answer to a container's client.
    if (!isLost && !(await haveEnded(commands))) findings.push('the command did not end');
    const lostWrites = isLost ? 0 : await lostWritesOf(container, findings);
    const mostCopies = Math.max(...copies.map(({ length }) => length));
    if (mostCopies > 1) findings.push(`${mostCopies} copies ran at once`);
    return { ...cell, ending: settled.ending, settleSeconds, mostCopies, lostWrites, findings };
  } finally {
    await end(commands, scene);
  }
}

/**
 * Migrates, and cancels that where the fault is to come into a rollback; on return the step stands still on its way to Redis.
 * What it starts it adds to `commands`.
 */
async function begin(
  { phase, moment }: Cell,
  container: string,
  mode: string,
  { link, destination }: Scene,
  commands: RunningCommand[],
): Promise<void> {
  const migrate = ['--json', 'migrate', container, '--to', destination.name, '--mode', mode];
  if (phase !== 'aborted') {
    link.arm(phase, moment);
    commands.push(startPortkey(migrate));
    await link.untilHolding(reachMs);
    return;
  }
  link.arm('precopy', 'asked');
  commands.push(startPortkey([...migrate, '--bandwidth', '100mbit']));
  await link.untilHolding(reachMs);
  link.release();
  const id = await newestMigration();
  link.arm('aborted', moment);
  commands.push(startPortkey(['cancel', id]));
  await link.untilHolding(reachMs);
}

async function haveEnded(commands: readonly RunningCommand[]): Promise<boolean> {
  const all = Promise.all(commands.map(({ ended }) => ended));
  return (await Promise.race([all, delay(commandMs, undefined)])) !== undefined;
}

async function end(commands: readonly RunningCommand[], { link }: Scene): Promise<void> {
  link.release();
  for (const command of commands) command.signal('SIGKILL');
  await Promise.all(commands.map(({ ended }) => ended));
}

async function newestMigration(): Promise<string> {
  const [newest] = await migrations();
  return newest?.id ?? '';
}

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

interface Settled {
  readonly ending: Ending | undefined;
  readonly findings: readonly string[];
}

const endings: Readonly<Record<string, Ending>> = {
  done: 'completed',
  'rolled-back': 'rolled back',
  refused: 'refused',
};

async function untilSettled(
  container: string,
  vms: readonly string[],
  known: string,
  isLossPossible: boolean,
  endMs: number,
): Promise<Settled> {
  for (;;) {
    const seen = await look(container, vms, known, isLossPossible).catch((error: unknown) => ({
      ending: undefined,
      findings: [String(error)],
    }));
    if (seen.findings.length === 0 || performance.now() > endMs) return seen;
    await delay(lookMs);
  }
}

async function look(
  container: string,
  vms: readonly string[],
  known: string,
  isLossPossible: boolean,
): Promise<Settled> {
  const [newest] = await migrations();
  if (newest === undefined || newest.id === known)
    return { ending: 'refused', findings: ['no migration is recorded'] };
  const ending = endings[newest.state];
  if (ending === undefined && !(isLossPossible && newest.state === 'failed'))
    return { ending, findings: [`the migration is ${newest.state}`] };
  const remains = await Promise.all(vms.map(remainsIn));
  const leftovers = [...remains.flatMap((vm) => vm.leftovers), ...(await remainsOnHosts())];
  const count = remains.flatMap(({ copies }) => copies).length;
  if (count === 0 && isLossPossible) return { ending: 'lost with its VM', findings: leftovers };
  return { ending, findings: [...leftovers, ...misplaced(container, vms, remains, ending)] };
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

async function lostWritesOf(container: string, findings: string[]): Promise<number> {
  interface Verdict {
    readonly ok: boolean;
    readonly lostWrites: number;
    readonly connectionKept: boolean;
  }
  const { ok, lostWrites, connectionKept } = await portkeyJson<Verdict>('verify', container);
  if (!ok || lostWrites > 0) findings.push(`${lostWrites} acknowledged writes are lost`);
  if (!connectionKept) findings.push("the client's connection broke");
  return lostWrites;
}
