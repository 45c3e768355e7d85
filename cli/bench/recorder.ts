/**
 * Keeps what the experiment measures, test bed by test bed, and bench.json up to date after each step.
 *
 * `nextBed` comes before anything that was measured in it.
 */
import type { Floor } from '../../testbed/index.js';
import type { TestbedFacts } from '../report/report-file.js';
import { writeFiles } from '../report/report-file.js';
import { benchFile, type BenchFile } from './bench-file.js';
import type { BenchMigration } from './bench-migration.js';
import type { BenchRecord } from './bench-tools.js';
import { renderBench } from './page.js';
import type { WholeVmMigration } from './whole-vm.js';

/** Of one test bed. */
class BedResults {
  readonly migrations: BenchMigration[] = [];
  readonly floor: Floor[] = [];
  readonly wholeVm: WholeVmMigration[] = [];

  constructor(readonly testbed: TestbedFacts) {}
}

export class BenchRecorder implements BenchRecord {
  private readonly beds: BedResults[] = [];
  readonly shortcomings: string[] = [];

  constructor(
    private readonly options: { readonly bars: boolean },
    private readonly folder: string,
  ) {}

  nextBed(testbed: TestbedFacts): void {
    this.beds.push(new BedResults(testbed));
  }

  get isEmpty(): boolean {
    return this.beds.every(({ migrations }) => migrations.length === 0);
  }

  migration(migration: BenchMigration): Promise<void> {
    this.bed(-1).migrations.push(migration);
    return this.write();
  }

  floor(floor: Floor): Promise<void> {
    this.bed(-1).floor.push(floor);
    return this.write();
  }

  wholeVm(migration: WholeVmMigration): Promise<void> {
    this.bed(-1).wholeVm.push(migration);
    return this.write();
  }

  shortcoming(line: string): void {
    this.shortcomings.push(line);
  }

  file(): BenchFile {
    const first = this.bed(0);
    const others = this.beds.slice(1).filter(({ migrations }) => migrations.length > 0);
    return benchFile(first.testbed, first, this.options, others);
  }

  /** Writes bench.json and bench.html; returns their paths. */
  finish(): Promise<string[]> {
    const file = this.file();
    return writeFiles(this.folder, { 'bench.json': jsonOf(file), 'bench.html': renderBench(file) });
  }

  private async write(): Promise<void> {
    await writeFiles(this.folder, { 'bench.json': jsonOf(this.file()) });
  }

  private bed(index: 0 | -1): BedResults {
    const bed = this.beds.at(index);
    if (bed === undefined) throw new Error('nothing can be recorded before the first test bed');
    return bed;
  }
}

const jsonOf = (file: BenchFile): string => `${JSON.stringify(file, null, 2)}\n`;
