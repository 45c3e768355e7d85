/**
 * Runs the experiment on a test bed: for each cell of the plan one container, migrated to and fro, and for each size
 * the floor.
 *
 *   leftover removed → room checked → per cell: container up → warm-ups → A B A B … → container removed [→ floor]
 *
 * Each result is handed on as soon as it is there, so that what comes after cannot lose it. A migration that does not
 * complete is part of the result; the next one starts from where the container is. A broken connection never comes
 * back, so it ends the cell; lost data ends the experiment: its figures would say nothing. When the signal fires, the
 * experiment ends with its reason after the step that runs. Container and client are gone at the end of each cell,
 * whatever ended it.
 */
import { asPortkeyError, PortkeyError } from '../../libraries/errors/index.js';
import type { Clock } from '../../libraries/process/index.js';
import { formatBytes, formatSeconds } from '../../libraries/units/index.js';
import type { Floor } from '../../testbed/index.js';
import type { Controller } from '../controller.js';
import type { Migrated } from '../migrate/migrate.js';
import type { ModeName } from '../options.js';
import type { BenchMigration } from './bench-migration.js';
import { cellText } from './cell-text.js';
import { benchContainer, removeBench, removeLeftover } from './cleanup.js';
import type { BenchPlan, Cell, PlannedMigration } from './plan.js';
import { BenchProgress } from './progress.js';
import { requireAvailableMemory } from './vm-memory.js';

export interface BenchTools {
  readonly controller: Pick<Controller, 'cluster' | 'containers' | 'stop'>;
  readonly clock: Clock;
  readonly note: (line: string) => void;
  /** Its reason ends the experiment. */
  readonly signal: AbortSignal;
  readonly startWorkload: (
    request: Cell & { readonly vm: string; readonly name: string },
  ) => Promise<unknown>;
  readonly stopClient: (container: string) => Promise<void>;
  readonly migrate: (request: {
    readonly container: string;
    readonly to: string;
    readonly mode: ModeName;
  }) => Promise<Migrated>;
  readonly measureFloor: (byteLength: number) => Promise<Floor>;
}

/** Where the results go. */
export interface BenchRecord {
  migration(migration: BenchMigration): Promise<void>;
  floor(floor: Floor): Promise<void>;
  /** Why the experiment is not a whole success, though it goes on: one line. */
  shortcoming(line: string): void;
}

/** Throws `cancelled` (the signal's reason), `no-room` before anything ran, `command-failed` where data was lost. */
export async function runBench(tools: BenchTools, plan: BenchPlan, record: BenchRecord): Promise<void> {
  await removeLeftover(tools);
  const way = await twoVms(tools, plan);
  const progress = new BenchProgress(plan, tools.clock, tools.note);
  const measured = new Set<number>();
  for (const cell of plan.cells) {
    tools.signal.throwIfAborted();
    await new CellRun(tools, plan, record, progress, cell, way).run();
    if (!plan.floor || measured.has(cell.memoryBytes)) continue;
    measured.add(cell.memoryBytes);
    await measureFloors(tools, plan, record, cell.memoryBytes);
  }
}

interface Way {
  readonly home: string;
  readonly away: string;
}

async function twoVms({ controller }: BenchTools, plan: BenchPlan): Promise<Way> {
  const { vms } = await controller.cluster();
  const [home, away] = vms;
  if (home === undefined || away === undefined)
    throw new PortkeyError('invalid-argument', `the experiment needs two VMs, there are ${vms.length}`);
  requireAvailableMemory(plan, [home, away]);
  return { home: home.name, away: away.name };
}

class CellRun {
  private at: string;

  constructor(
    private readonly tools: BenchTools,
    private readonly plan: BenchPlan,
    private readonly record: BenchRecord,
    private readonly progress: BenchProgress,
    private readonly cell: Cell,
    private readonly way: Way,
  ) {
    this.at = way.home;
  }

  async run(): Promise<void> {
    const { tools, cell, plan } = this;
    try {
      await tools.startWorkload({ vm: this.at, name: benchContainer, ...cell });
      for (const [index, planned] of plan.migrations.entries()) {
        tools.signal.throwIfAborted();
        if (!(await this.migrate(index, planned))) break;
      }
      tools.signal.throwIfAborted();
    } finally {
      await removeBench(tools);
    }
  }

  /** Whether the cell goes on. */
  private async migrate(index: number, planned: PlannedMigration): Promise<boolean> {
    const { tools, record, cell } = this;
    const { mode, repetition, warmUp } = planned;
    const to = this.at === this.way.home ? this.way.away : this.way.home;
    this.progress.begins(cell, index, planned, `${this.at} → ${to}`);
    const { report, problem } = await tools.migrate({ container: benchContainer, to, mode });
    await record.migration({ ...report, requestedMode: mode, repetition, warmUp });
    tools.note(`  ${mode}: ${report.outcome ?? 'lost'} in ${formatSeconds(report.totalSeconds)}`);
    const wrong =
      problem ?? (report.mode === mode ? undefined : `the migration fell back to ${report.mode} mode`);
    if (wrong !== undefined) {
      tools.note(`  ${wrong}`);
      record.shortcoming(`${cellText(cell)}, ${mode} mode: ${wrong}`);
    }
    if (report.verified === false)
      throw new PortkeyError(
        'command-failed',
        `migration ${report.id} in ${mode} mode lost data; stopped there`,
      );
    if (report.outcome === 'completed') this.at = to;
    return report.connectionKept !== false;
  }
}

async function measureFloors(
  tools: BenchTools,
  { repeat }: BenchPlan,
  record: BenchRecord,
  byteLength: number,
): Promise<void> {
  for (let count = 1; count <= repeat; count += 1) {
    tools.signal.throwIfAborted();
    tools.note(`floor of ${formatBytes(byteLength)}, ${count} of ${repeat}`);
    const floor = await floorOrProblem(tools, byteLength);
    if (floor instanceof PortkeyError) {
      const problem = `the floor of ${formatBytes(byteLength)} was not measured: ${floor.message}`;
      tools.note(problem);
      record.shortcoming(problem);
      return;
    }
    await record.floor(floor);
  }
}

/** The rest of the experiment does not need the floor, so a failure does not end it. */
async function floorOrProblem(
  { measureFloor, signal }: BenchTools,
  byteLength: number,
): Promise<Floor | PortkeyError> {
  try {
    return await measureFloor(byteLength);
  } catch (error) {
    signal.throwIfAborted();
    return asPortkeyError(error);
  }
}
