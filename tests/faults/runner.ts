/** Who runs cells of the matrix, one after the other: this process on its test bed, or another on one of its own. */
import { FaultBed } from './bed.js';
import { runCell, type Cell, type CellResult, type Conditions } from './cell.js';
import { container } from './container.js';

export interface CellRunner {
  /** The container runs afterwards, whatever happened. */
  run(cell: Cell): Promise<CellResult>;
  close(): Promise<void>;
}

export class LocalRunner implements CellRunner {
  private constructor(
    readonly bed: FaultBed,
    private readonly isBorrowed: boolean,
    private readonly conditions: Conditions,
    private readonly say: (line: string) => void,
  ) {}

  /** On a test bed that is up, which stays so; or on one that is brought up for this. */
  static async start(
    reuse: boolean,
    conditions: Conditions,
    say: (line: string) => void,
  ): Promise<LocalRunner> {
    const { patienceSeconds } = conditions;
    const bed = await (reuse ? FaultBed.takeOver(patienceSeconds) : FaultBed.up(patienceSeconds, say));
    return new LocalRunner(bed, reuse, conditions, say);
  }

  async run(cell: Cell): Promise<CellResult> {
    const result = await this.runSafely(cell);
    if (result.findings.length > 0 || result.ending === 'lost with its VM')
      await this.bed.startContainerAnew();
    return result;
  }

  async close(): Promise<void> {
    try {
      await this.bed.giveBack();
    } finally {
      if (!this.isBorrowed) await FaultBed.down(this.say);
    }
  }

  private async runSafely(cell: Cell): Promise<CellResult> {
    try {
      return await runCell(cell, container, await this.bed.scene(), this.conditions);
    } catch (error) {
      const findings = [error instanceof Error ? error.message : String(error)];
      return {
        ...cell,
        ending: undefined,
        reason: '',
        settleSeconds: 0,
        mostCopies: 0,
        lostWrites: 0,
        findings,
      };
    }
  }
}
