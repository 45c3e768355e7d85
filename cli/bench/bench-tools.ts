/** What the experiment is handed: what it does things with, and where its results go. */
import type { Clock } from '../../libraries/process/index.js';
import type { Floor } from '../../testbed/index.js';
import type { Controller } from '../controller.js';
import type { Migrated } from '../migrate/migrate.js';
import type { ModeName } from '../options.js';
import type { BenchMigration } from './bench-migration.js';
import type { Cell } from './plan.js';
import type { WholeVmMigration } from './whole-vm.js';

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
  /** Before each migration and each floor, so that none pays for memory that nobody had touched for a while. */
  readonly touchHostMemory: () => Promise<void>;
  readonly measureFloor: (byteLength: number) => Promise<Floor>;
  /** A VM with the cell's workload, migrated so often by QEMU. It is gone when the last one was taken, or on return. */
  readonly migrateWholeVm: (cell: Cell, count: number) => AsyncIterable<WholeVmMigration>;
}

/** Where the results go. */
export interface BenchRecord {
  migration(migration: BenchMigration): Promise<void>;
  floor(floor: Floor): Promise<void>;
  wholeVm(migration: WholeVmMigration): Promise<void>;
  /** Why the experiment is not a whole success, though it goes on: one line. */
  shortcoming(line: string): void;
}
