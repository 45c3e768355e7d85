/**
 * Many migrations of one container to and fro, a random fault in every second one: nothing may be lost, and nothing may grow.
 */
import { formatTable } from '../../cli/table.js';
import { formatBytes } from '../../libraries/units/index.js';
import { migrate, portkeyJson } from '../e2e/support/portkey.js';
import type { FaultBed } from './bed.js';
import type { CellResult } from './cell.js';
import { container } from './container.js';
import { growthOf, memoryOfServices, verdictOn, type Growth, type ServiceMemory } from './memory.js';
import { anyCell } from './plan.js';
import type { LocalRunner } from './runner.js';

const vms = ['vm-a', 'vm-b'];

export interface Endurance {
  readonly migrations: number;
  readonly faults: readonly CellResult[];
  /** Of undisturbed migrations. */
  readonly problems: readonly string[];
  readonly growth: readonly Growth[];
}

export async function endure(
  runner: LocalRunner,
  migrations: number,
  random: () => number,
  isOver: () => boolean,
  say: (line: string) => void,
): Promise<Endurance> {
  const faults: CellResult[] = [];
  const problems: string[] = [];
  const samples: ServiceMemory[][] = [];
  for (let index = 0; index < migrations && !isOver(); index += 1) {
    if (index % 2 === 1) {
      const result = await runner.run(anyCell(random));
      faults.push(result);
      say(
        `${index + 1}/${migrations} ${result.part}: ${result.kind} at ${result.phase}: ${result.ending ?? 'not settled'}`,
      );
      problems.push(...result.findings);
    } else {
      const problem = await undisturbed(runner.bed);
      say(`${index + 1}/${migrations} ${problem ?? 'completed'}`);
      if (problem !== undefined) problems.push(problem);
    }
    samples.push(await memoryOfServices(runner.bed.guests, vms));
  }
  return { migrations: samples.length, faults, problems, growth: growthOf(samples) };
}

async function undisturbed(bed: FaultBed): Promise<string | undefined> {
  const { destination } = await bed.scene();
  try {
    const { outcome } = await migrate(container, destination.name, 'portkey');
    const { ok, lostWrites } = await portkeyJson<{ ok: boolean; lostWrites: number }>('verify', container);
    return outcome === 'completed' && ok ? undefined : `${outcome}, ${lostWrites} writes lost`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

export function leaks({ growth }: Endurance): Growth[] {
  return growth.filter((each) => verdictOn(each) === 'grows');
}

export function enduranceText(result: Endurance): string {
  const { migrations, faults, problems, growth } = result;
  const rows = growth.map((each) => [
    each.service,
    String(each.migrations),
    formatBytes(each.middleBytes),
    formatBytes(each.endBytes),
    `${Math.round(each.bytesPerMigration / 1024)} KiB`,
    verdictOn(each),
  ]);
  const titles = [
    'service',
    'migrations in one life',
    'memory half-way',
    'at the end',
    'growth per migration',
  ];
  const columns = [...titles, 'verdict'].map((title) => ({ title }));
  return [
    formatTable(columns, rows),
    `${migrations} migrations, ${faults.length} of them with a fault; ${problems.length} problems`,
    ...problems.map((problem) => `  ${problem}`),
  ].join('\n');
}
