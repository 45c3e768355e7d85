/** Keeps what the experiment measures, and bench.json up to date after each step. */
import type { Floor } from '../../testbed/index.js';
import type { TestbedFacts } from '../report/report-file.js';
import { writeFiles } from '../report/report-file.js';
import { benchFile, type BenchFile } from './bench-file.js';
import type { BenchMigration } from './bench-migration.js';
import type { BenchRecord } from './bench-tools.js';
import { renderBench } from './page.js';
import type { WholeVmMigration } from './whole-vm.js';

export class BenchRecorder implements BenchRecord {
  private readonly migrations: BenchMigration[] = [];
  private readonly floors: Floor[] = [];
  private readonly wholeVms: WholeVmMigration[] = [];
  readonly shortcomings: string[] = [];

  constructor(
    private readonly testbed: TestbedFacts,
    private readonly options: { readonly bars: boolean },
    private readonly folder: string,
  ) {}

  get isEmpty(): boolean {
    return this.migrations.length === 0;
  }

  async migration(migration: BenchMigration): Promise<void> {
    this.migrations.push(migration);
    await writeFiles(this.folder, { 'bench.json': jsonOf(this.file()) });
  }

  async floor(floor: Floor): Promise<void> {
    this.floors.push(floor);
    await writeFiles(this.folder, { 'bench.json': jsonOf(this.file()) });
  }

  async wholeVm(migration: WholeVmMigration): Promise<void> {
    this.wholeVms.push(migration);
    await writeFiles(this.folder, { 'bench.json': jsonOf(this.file()) });
  }

  shortcoming(line: string): void {
    this.shortcomings.push(line);
  }

  file(): BenchFile {
    const { migrations, floors: floor, wholeVms: wholeVm } = this;
    return benchFile(this.testbed, { migrations, floor, wholeVm }, this.options);
  }

  /** Writes bench.json and bench.html; returns their paths. */
  finish(): Promise<string[]> {
    const file = this.file();
    return writeFiles(this.folder, { 'bench.json': jsonOf(file), 'bench.html': renderBench(file) });
  }
}

const jsonOf = (file: BenchFile): string => `${JSON.stringify(file, null, 2)}\n`;
