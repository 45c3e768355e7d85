/**
 * One cell of the matrix: one migration, one fault at one moment of it, and what came of both.
 *
 *     migrate ──▶ the state is about to be written, or has been ──▶ break the part ──▶ let the migration go on
 *        ──▶ hold (stop and cut) ──▶ end the fault, wait until the part answers ──▶ settled ──▶ look
 *
 * What settled means, settled.ts has. The time to that counts from the end of the fault; of a part that was killed only from
 * when it answers again, since until then the fault lasts.
 */
import { setTimeout as delay } from 'node:timers/promises';

import { migrations } from '../e2e/support/migrations.js';
import { portkeyJson, startPortkey, type RunningCommand } from '../e2e/support/portkey.js';
import { untilUp } from './bed.js';
import { CopyWatch } from './copy-watch.js';
import type { Fault } from './fault.js';
import { faultOf, type Kind, type Part, type Scene } from './parts.js';
import type { Phase } from './phases.js';
import type { Moment } from './redis-link.js';
import { untilSettled, type Ending } from './settled.js';

export interface Cell {
  readonly part: Part;
  readonly kind: Kind;
  readonly phase: Phase;
  readonly moment: Moment;
}

export interface CellResult extends Cell {
  /** Undefined where it did not settle. */
  readonly ending: Ending | undefined;
  /** The code of the error that it ended with, '' without one. */
  readonly reason: string;
  readonly settleSeconds: number;
  /** The most copies that were seen to run at once. */
  readonly mostCopies: number;
  readonly lostWrites: number;
  /** What is not as it should be; empty where all is well. */
  readonly findings: readonly string[];
}

/** What all cells of a run have in common. */
export interface Conditions {
  /** As `migrate --mode` takes it. */
  readonly mode: string;
  /** For how long a fault lasts, other than a kill. */
  readonly holdSeconds: number;
  /** For how long the controller tries to undo before it says what is left: shorter than a fault, or longer. */
  readonly patienceSeconds: number;
}

/**
 * Longer than pings take to notice it (16 s), than a relay may be silent (17 s), than a command to Redis may take, and than an
 * undo is tried here.
 */
export const usualHoldSeconds = 18;
export const usualPatienceSeconds = 5;
/** What is promised. */
const settleMs = 30_000;

/** The controller gives a command to Redis 2.5 s, and the news of it has to get here. */
const redisMs = 2_000;
/** Until a migration reaches any state. */
const reachMs = 60_000;
/**
 * Until a command has ended whose migration has: it waits a minute for an answer to a container's client, whose retransmissions
 * are as far apart as the container was out of reach.
 */
const commandMs = 75_000;

export async function runCell(
  cell: Cell,
  container: string,
  scene: Scene,
  { holdSeconds, mode }: Conditions,
): Promise<CellResult> {
  const known = await newestMigration();
  const watch = await CopyWatch.start(cell, container, scene);
  const commands: RunningCommand[] = [];
  try {
    const stoodMs = await whileBroken(faultOf(cell.part, cell.kind, scene), scene, {
      reach: () => begin(cell, container, mode, scene, commands),
      hold: () => watch.hold(cell.kind === 'kill' ? 0 : holdSeconds * 1000),
    });
    const endedMs = performance.now();
    forgetConnections(cell, scene);
    await untilUp(scene.health);
    const healedMs = cell.kind === 'kill' ? performance.now() : endedMs;
    await watch.look();
    const settled = await untilSettled(cell, container, scene, known, healedMs + settleMs);
    const settleSeconds = (performance.now() - healedMs) / 1000;
    const { ending, reason } = settled;
    const isLost = ending === 'lost with its VM';
    const copies = await watch.end();
    const findings = [...settled.findings, ...copies.findings];
    if (stoodMs > redisMs)
      findings.push(
        `what was to break took ${(stoodMs / 1000).toFixed(1)} s, and Redis was given up instead`,
      );
    if (settleSeconds > settleMs / 1000) findings.push(`it took longer than ${settleMs / 1000} s`);
    // The command waits a minute for an answer to a container's client.
    if (!isLost && !(await haveEnded(commands))) findings.push('the command did not end');
    const lostWrites = isLost ? 0 : await lostWritesOf(container, findings);
    const { mostCopies } = copies;
    return { ...cell, ending, reason, settleSeconds, mostCopies, lostWrites, findings };
  } finally {
    await end(commands, scene);
  }
}

/** Those that a cut or the end of a VM may have left hanging. */
function forgetConnections({ part, kind }: Cell, { guests, health }: Scene): void {
  const isVm = part === 'VM of the source' || part === 'VM of the destination';
  if (kind !== 'cut' && !(isVm && kind === 'kill')) return;
  guests.forgetAll();
  health.close();
}

/** Returns for how long the command to Redis stood still. */
async function whileBroken(
  fault: Fault,
  { link }: Scene,
  { reach, hold }: { readonly reach: () => Promise<void>; readonly hold: () => Promise<void> },
): Promise<number> {
  try {
    await fault.prepare?.();
    await reach();
  } catch (error) {
    if (fault.prepare !== undefined) await fault.end();
    throw error;
  }
  const reachedMs = performance.now();
  try {
    await Promise.resolve(fault.begin()).finally(() => link.release());
    const stoodMs = performance.now() - reachedMs;
    await hold();
    return stoodMs;
  } finally {
    await fault.end();
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
  return (await Promise.race([all, delay(commandMs, undefined, { ref: false })])) !== undefined;
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
