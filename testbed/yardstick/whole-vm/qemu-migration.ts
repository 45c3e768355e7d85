/**
 * One live migration by QEMU itself, from a QEMU that runs a VM to one that waits for it.
 *
 *   setup → active (rounds over all RAM) → device (VM stopped) → completed at the source, running at the destination
 *
 * QEMU's default way, one stream of pre-copy, with the downtime that Portkey's `migrate` aims at too and without the cap of
 * 1 Gbit/s that QEMU sets by default. CPU is of all threads of each QEMU from the command until the VM runs at its
 * destination, less what an idle VM would have used there in that time; at the destination next to nothing, since a QEMU
 * that waits does nothing.
 *
 * Where QEMU loses writes when left alone, the VM is stopped from here (one-live-round.ts), and the downtime is from there.
 */
import { z } from 'zod';

import { PortkeyError } from '../../../libraries/errors/index.js';
import { secondsSince } from '../../../libraries/process/index.js';
import type { QmpClient } from '../../../libraries/qemu/index.js';
import type { Tools } from '../../tools.js';
import type { Accelerator } from '../../vm/qemu-command.js';
import type { Machine } from './machine.js';
import { OneLiveRound, losesWrites } from './one-live-round.js';
import { poll } from './poll.js';

export interface QemuMigration {
  /** From the command until the VM runs at the destination. */
  readonly totalSeconds: number;
  readonly downtimeSeconds: number;
  /** As QEMU says, like the two that follow. */
  readonly setupSeconds: number;
  readonly bytesSent: number;
  /** How often it looked which pages had been written. */
  readonly rounds: number;
  readonly cpuSeconds: { readonly source: QemuCpu; readonly destination: QemuCpu };
}

export interface QemuCpu {
  readonly total: number;
  /** What was taken off. */
  readonly idle: number;
}

/** CPU seconds a second. */
export interface IdleShares {
  readonly source: number;
  readonly destination: number;
}

export type PollTools = Pick<Tools, 'clock' | 'signal'>;

const downtimeLimitMs = 300;
/** Bytes a second; more than any link has. */
const noBandwidthLimit = 2 ** 40;

const progressSchema = z.object({ status: z.string().optional(), 'error-desc': z.string().optional() });
const doneSchema = z.object({
  downtime: z.number(),
  'setup-time': z.number(),
  ram: z.object({ transferred: z.number(), 'dirty-sync-count': z.number() }),
});
const statusSchema = z.object({ running: z.boolean() });

/**
 * Throws `command-failed` with QEMU's reason, `deadline-exceeded`, `cancelled`, the end of a QEMU that ended, and
 * `testbed-failed` where the machine was too busy to measure.
 */
export async function migrateByQemu(
  source: Machine,
  destination: Machine,
  accelerator: Accelerator,
  idle: IdleShares,
  tools: PollTools,
): Promise<QemuMigration> {
  const uri = destination.end.migrationAddress;
  const limits = { 'downtime-limit': downtimeLimitMs, 'max-bandwidth': noBandwidthLimit };
  await source.ask((qmp) => qmp.execute('migrate-set-parameters', limits));
  const before = { source: source.cpuSeconds(), destination: destination.cpuSeconds() };
  const startMs = tools.clock.monotonicMs();
  const { done, round } = await source.ask(async (qmp) => {
    const byHand = (await losesWrites(qmp, accelerator)) ? new OneLiveRound(qmp, source, tools) : undefined;
    await byHand?.prepare();
    await qmp.execute('migrate', { uri });
    await byHand?.run();
    await poll(tools, [source, destination], () => isCompleted(qmp));
    return { done: doneSchema.parse(await qmp.execute('query-migrate')), round: byHand };
  });
  await destination.ask(async (qmp) => {
    await round?.resumeAt(qmp, destination);
    await poll(tools, [destination], () => isRunning(qmp));
  });
  const totalSeconds = secondsSince(tools.clock, startMs);
  return {
    totalSeconds,
    downtimeSeconds: round?.downtimeSeconds() ?? done.downtime / 1000,
    setupSeconds: done['setup-time'] / 1000,
    bytesSent: done.ram.transferred,
    rounds: done.ram['dirty-sync-count'],
    cpuSeconds: {
      source: cpuOf(source.cpuSeconds() - before.source, idle.source * totalSeconds),
      destination: cpuOf(destination.cpuSeconds() - before.destination, idle.destination * totalSeconds),
    },
  };
}

/**
 * What migrating took, of what a QEMU has used meanwhile. A machine that other work holds up gives an idle VM more CPU in
 * one moment than a migrating one in the next; then nothing can be said, and `testbed-failed` is thrown.
 */
export function cpuOf(usedSeconds: number, idle: number): QemuCpu {
  if (usedSeconds > idle) return { total: usedSeconds - idle, idle };
  throw new PortkeyError(
    'testbed-failed',
    `QEMU used ${usedSeconds.toFixed(2)} s of CPU while it migrated the VM, no more than an idle VM would have (${idle.toFixed(2)} s): this machine is too busy to measure; try again when it is not`,
  );
}

async function isCompleted(qmp: QmpClient): Promise<boolean> {
  const { status, 'error-desc': reason } = progressSchema.parse(await qmp.execute('query-migrate'));
  if (status === 'failed' || status === 'cancelled')
    throw new PortkeyError('command-failed', `QEMU did not migrate the VM: ${reason ?? status}`);
  return status === 'completed';
}

async function isRunning(qmp: QmpClient): Promise<boolean> {
  return statusSchema.parse(await qmp.execute('query-status')).running;
}
