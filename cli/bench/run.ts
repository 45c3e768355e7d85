/**
 * Runs the experiment on a test bed: for each cell of the plan one container, migrated to and fro, and the yardsticks.
 *
 *   leftover removed → room checked → per cell: container up → warm-ups → A B · A B · A B … → container removed → yardsticks
 *
 * Each result is handed on as soon as it is there, so that what comes after cannot lose it. A migration that does not
 * complete is part of the result; the next one starts from where the container is. A broken connection never comes
 * back, so it ends the cell; lost data ends the experiment: its figures would say nothing. When the signal fires, the
 * experiment ends with its reason after the step that runs. Container and client are gone at the end of each cell,
 * whatever ended it.
 */
import { PortkeyError } from '../../libraries/errors/index.js';
import { formatSeconds } from '../../libraries/units/index.js';
import type { BenchRecord, BenchTools } from './bench-tools.js';
import { cellText } from './cell-text.js';
import { benchContainer, removeBench, removeLeftover } from './cleanup.js';
import type { BenchPlan, Cell, PlannedMigration } from './plan.js';
import { BenchProgress } from './progress.js';
import { requireAvailableMemory } from './vm-memory.js';
import { Yardsticks } from './yardsticks.js';

/** Throws `cancelled` (the signal's reason), `no-room` before anything ran, `command-failed` where data was lost. */
export async function runBench(tools: BenchTools, plan: BenchPlan, record: BenchRecord): Promise<void> {
  await removeLeftover(tools);
  const way = await twoVms(tools, plan);
  const progress = new BenchProgress(plan, tools.clock, tools.note);
  const yardsticks = new Yardsticks(tools, plan, record);
  for (const cell of plan.cells) {
    tools.signal.throwIfAborted();
    await new CellRun(tools, plan, record, progress, cell, way).run();
    await yardsticks.measure(cell);
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
    if (this.plan.touchMemory) await tools.touchHostMemory();
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
