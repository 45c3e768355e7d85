/**
 * Asks both relays for their CPU readings at the boundaries of phases, without holding the migration up: a
 * reading is asked for when the boundary is passed, and awaited only when the report is written. A question that
 * is answered late is dated by the relay, so it is not wrong, only less sharp.
 *
 * A relay that does not answer costs figures, never the migration:
 *   - a reading between two phases is lost: the earlier phase is counted with the next one (cpu.ts), and `merged`
 *     says so;
 *   - the first reading is lost: its side has no figures (null), and its relay is not asked again;
 *   - the last reading is lost: what the last phase used, and so the total, is not known; null, too.
 */
import type { CpuReading } from '../../../libraries/rpc/index.js';
import { accountSide, type CpuPhase, type PhaseEnd, type SideCpu } from './cpu.js';

export type ReadCpu = () => Promise<CpuReading>;

export interface BothSides {
  readonly source: SideCpu | null;
  readonly destination: SideCpu | null;
}

/** A phase whose CPU is counted in `into`, because the reading between the two was lost. */
export interface MergedPhase {
  readonly side: keyof BothSides;
  readonly phase: CpuPhase;
  readonly into: CpuPhase;
}

export interface CpuAccount {
  readonly cpuSeconds: BothSides;
  readonly merged: readonly MergedPhase[];
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
    this.start = { source: quietly(readSource), destination: quietly(readDestination) };
  }

  /** The current phase is over, and the next one begins. After `restore` nothing is counted any more. */
  endPhase(): void {
    if (this.ends.length === phaseOrder.length) return;
    this.ends.push({
      source: ifStarted(this.start.source, this.readSource),
      destination: ifStarted(this.start.destination, this.readDestination),
    });
  }

  async result(): Promise<CpuAccount> {
    const [source, destination] = await Promise.all([this.account('source'), this.account('destination')]);
    return {
      cpuSeconds: { source: source.cpu, destination: destination.cpu },
      merged: [...source.merged, ...destination.merged],
    };
  }

  private async account(side: keyof BothSides): Promise<{ cpu: SideCpu | null; merged: MergedPhase[] }> {
    const start = await this.start[side];
    const readings = await Promise.all(this.ends.map((end) => end[side]));
    const lastIsLost = readings.length > 0 && readings.at(-1) === undefined;
    if (start === undefined || lastIsLost) return { cpu: null, merged: [] };
    const known: PhaseEnd[] = [];
    const merged: MergedPhase[] = [];
    let waiting: CpuPhase[] = [];
    for (const [index, phase] of phaseOrder.slice(0, readings.length).entries()) {
      const reading = readings[index];
      if (reading === undefined) {
        waiting.push(phase);
        continue;
      }
      known.push({ phase, reading });
      merged.push(...waiting.map((lost) => ({ side, phase: lost, into: phase })));
      waiting = [];
    }
    return { cpu: accountSide(start, known), merged };
  }
}

function quietly(read: ReadCpu): Reading {
  return read().catch(() => undefined);
}

async function ifStarted(start: Reading, read: ReadCpu): Reading {
  return (await start) === undefined ? undefined : quietly(read);
}
