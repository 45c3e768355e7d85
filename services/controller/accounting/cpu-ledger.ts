/**
 * Asks both relays for their CPU readings at the boundaries of phases, without holding the migration up: a
 * reading is asked for when the boundary is passed, and awaited only when the report is written. A question that
 * is answered late is dated by the relay, so it is not wrong, only less sharp.
 *
 * A relay that does not answer leaves its side without figures (null); the migration does not depend on them.
 */
import type { CpuReading } from '../../../libraries/rpc/index.js';
import { accountSide, type CpuPhase, type PhaseEnd, type SideCpu } from './cpu.js';

export type ReadCpu = () => Promise<CpuReading>;

export interface BothSides {
  readonly source: SideCpu | null;
  readonly destination: SideCpu | null;
}

type Reading = Promise<CpuReading | undefined>;
type Boundary = { readonly source: Reading; readonly destination: Reading };

const phaseOrder: readonly CpuPhase[] = ['precopy', 'final', 'restore'];

export class CpuLedger {
  private readonly start: Boundary;
  private readonly ends: Boundary[] = [];

  constructor(
    private readonly readSource: ReadCpu,
    private readonly readDestination: ReadCpu,
  ) {
    this.start = this.read();
  }

  /** The current phase is over, and the next one begins. After `restore` nothing is counted any more. */
  endPhase(): void {
    if (this.ends.length < phaseOrder.length) this.ends.push(this.read());
  }

  async result(): Promise<BothSides> {
    const [source, destination] = await Promise.all([this.side('source'), this.side('destination')]);
    return { source, destination };
  }

  private async side(which: keyof Boundary): Promise<SideCpu | null> {
    const start = await this.start[which];
    const ends: PhaseEnd[] = [];
    for (const [index, phase] of phaseOrder.entries()) {
      const end = this.ends[index];
      if (end === undefined) break;
      const reading = await end[which];
      if (reading === undefined) return null;
      ends.push({ phase, reading });
    }
    return start === undefined ? null : accountSide(start, ends);
  }

  private read(): Boundary {
    const quietly = (read: ReadCpu): Reading => read().catch(() => undefined);
    return { source: quietly(this.readSource), destination: quietly(this.readDestination) };
  }
}
