/**
 * What the experiment measures besides the migrations: the floor, for each size, and whole-VM migration by QEMU, for each
 * cell.
 *
 * The rest of the experiment does not need them, so a failure does not end it, but is a shortcoming. What there is no room
 * for will find none later either, and is not tried again.
 */
import { asPortkeyError, type PortkeyError } from '../../libraries/errors/index.js';
import { formatBytes, formatSeconds } from '../../libraries/units/index.js';
import type { BenchRecord, BenchTools } from './bench-tools.js';
import { cellText } from './cell-text.js';
import type { BenchPlan, Cell } from './plan.js';

export class Yardsticks {
  private readonly floors = new Set<number>();
  private roomForVms = true;

  constructor(
    private readonly tools: Pick<
      BenchTools,
      'measureFloor' | 'migrateWholeVm' | 'note' | 'signal' | 'touchHostMemory'
    >,
    private readonly plan: Pick<BenchPlan, 'floor' | 'wholeVm' | 'repeat' | 'touchMemory'>,
    private readonly record: BenchRecord,
  ) {}

  /** When the cell's container is gone. Throws the signal's reason, and nothing else. */
  async measure(cell: Cell): Promise<void> {
    const { plan } = this;
    if (plan.floor && !this.floors.has(cell.memoryBytes)) {
      this.floors.add(cell.memoryBytes);
      await this.floor(cell.memoryBytes);
    }
    if (plan.wholeVm && this.roomForVms) await this.wholeVm(cell);
  }

  private async floor(byteLength: number): Promise<void> {
    const { tools, plan, record } = this;
    const what = `the floor of ${formatBytes(byteLength)}`;
    await this.orShortcoming(what, async () => {
      for (let count = 1; count <= plan.repeat; count += 1) {
        tools.signal.throwIfAborted();
        tools.note(`floor of ${formatBytes(byteLength)}, ${count} of ${plan.repeat}`);
        if (plan.touchMemory) await tools.touchHostMemory();
        await record.floor(await tools.measureFloor(byteLength));
      }
    });
  }

  private async wholeVm(cell: Cell): Promise<void> {
    const { tools, plan, record } = this;
    const what = `whole-VM migration with ${cellText(cell)}`;
    tools.signal.throwIfAborted();
    tools.note(`${what}: starting a VM of its own`);
    const problem = await this.orShortcoming(what, async () => {
      for await (const migration of tools.migrateWholeVm(cell, plan.repeat)) {
        await record.wholeVm(migration);
        const { repetition, totalSeconds, verified } = migration;
        tools.note(`  ${repetition} of ${plan.repeat}: completed in ${formatSeconds(totalSeconds)}`);
        if (verified !== true) record.shortcoming(`${what}: not everything was found where it arrived`);
        tools.signal.throwIfAborted();
      }
    });
    if (problem?.code === 'no-room') this.roomForVms = false;
  }

  private async orShortcoming(what: string, measure: () => Promise<void>): Promise<PortkeyError | undefined> {
    const { tools, record } = this;
    try {
      await measure();
      return undefined;
    } catch (error) {
      tools.signal.throwIfAborted();
      const problem = asPortkeyError(error);
      const line = `${what} was not measured: ${problem.message}`;
      tools.note(line);
      record.shortcoming(line);
      return problem;
    }
  }
}
