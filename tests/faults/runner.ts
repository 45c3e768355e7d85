/** Who runs cells of the matrix, one after the other: this process on its test bed, or another on one of its own. */
import { FaultBed } from './bed.js';
import { runCell, type Cell, type CellResult } from './cell.js';
import { container } from './container.js';

/**
 * Longer than pings take to notice it (16 s), than a relay may be silent (17 s), than a command to Redis may take, and than an
 * undo is tried here.
 */
const holdMs = 18_000;
/** What is promised. */
const settleMs = 30_000;

export interface CellRunner {
  /** The container runs afterwards, whatever happened. */
  run(cell: Cell): Promise<CellResult>;
  close(): Promise<void>;
}

export class LocalRunner implements CellRunner {
  private constructor(
    readonly bed: FaultBed,
    private readonly isBorrowed: boolean,
    private readonly mode: string,
    private readonly say: (line: string) => void,
  ) {}

  /** On a test bed that is up, which stays so; or on one that is brought up for this. */
  static async start(reuse: boolean, mode: string, say: (line: string) => void): Promise<LocalRunner> {
    return new LocalRunner(reuse ? await FaultBed.takeOver() : await FaultBed.up(say), reuse, mode, say);
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
      return await runCell(cell, container, await this.bed.scene(), { holdMs, settleMs, mode: this.mode });
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
