/**
 * Everything around the experiment, made up: two VMs with room, containers that start and stop at once, migrations that
 * end as a test says, yardsticks. What is asked is noted in order.
 */
import { EventEmitter } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

import type { BenchFile } from '../../../cli/bench/bench-file.js';
import { planOf, type BenchPlan, type Cell, type PlanOptions } from '../../../cli/bench/plan.js';
import { BenchRecorder } from '../../../cli/bench/recorder.js';
import type { BenchTools } from '../../../cli/bench/bench-tools.js';
import { runBench } from '../../../cli/bench/run.js';
import { stopOnInterrupt, type Stopping } from '../../../cli/bench/stopping.js';
import type { WholeVmMigration } from '../../../cli/bench/whole-vm.js';
import { ProcessInterrupts } from '../../../cli/interrupts.js';
import { shortcoming, type Migrated } from '../../../cli/migrate/migrate.js';
import type { MigrationReport } from '../../../cli/report/migration-report.js';
import { systemClock } from '../../../libraries/process/index.js';
import type { Cluster, PlacedContainer } from '../../../libraries/rpc/index.js';
import { sampleBenchMigration, sampleWholeVm } from '../../support/sample-bench.js';
import { sampleReport } from '../../support/sample-report.js';

const gibibyte = 2 ** 30;

/** One small cell, and no whole-VM migration, unless a test says otherwise. */
export const benchPlan = (options: Partial<PlanOptions> = {}): BenchPlan =>
  planOf({
    sizes: [1024],
    writeRates: [0],
    modes: ['criu', 'portkey'],
    warmUp: 1,
    repeat: 2,
    floor: true,
    wholeVm: false,
    ...options,
  });

export class ScriptedBench implements AsyncDisposable {
  readonly calls: string[] = [];
  readonly notes: string[] = [];
  readonly recorder: BenchRecorder;
  readonly stopping: Stopping;
  /** What an earlier run has left. */
  containers: PlacedContainer[] = [];
  /** What becomes of each migration, by its number from 1. */
  fate: (number: number) => Partial<MigrationReport> = () => ({});
  /** What becomes of QEMU's own migrations of a cell, by their number from 1. */
  wholeVmFate: (repetition: number) => Partial<WholeVmMigration> = () => ({});
  private readonly signals = new EventEmitter();
  private cell: Cell = { memoryBytes: 0, writeBytesPerSecond: 0 };
  private migrations = 0;

  private constructor(readonly folder: string) {
    this.recorder = new BenchRecorder({ bars: false }, folder);
    this.recorder.nextBed(sampleReport().testbed);
    this.stopping = stopOnInterrupt(new ProcessInterrupts(this.signals), (line) => this.notes.push(line));
  }

  static async start(): Promise<ScriptedBench> {
    return new ScriptedBench(await mkdtemp(path.join(os.tmpdir(), 'portkey-bench-')));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stopping[Symbol.dispose]();
    await rm(this.folder, { recursive: true });
  }

  interrupt(): void {
    this.signals.emit('SIGINT');
  }

  run(plan: BenchPlan, changes: Partial<BenchTools> = {}): Promise<void> {
    return runBench(this.tools(changes), plan, this.recorder);
  }

  async written(): Promise<BenchFile> {
    return JSON.parse(await readFile(path.join(this.folder, 'bench.json'), 'utf8')) as BenchFile;
  }

  tools(changes: Partial<BenchTools> = {}): BenchTools {
    return {
      controller: {
        cluster: () => Promise.resolve(cluster),
        containers: () => Promise.resolve({ containers: this.containers, problems: [] }),
        stop: (name) => this.asked(`stop ${name}`),
      },
      clock: systemClock,
      note: (line) => this.notes.push(line),
      signal: this.stopping.signal,
      startWorkload: ({ vm, name, ...cell }) => {
        this.cell = cell;
        return this.asked(`start ${name} on ${vm} with ${cell.memoryBytes}, ${cell.writeBytesPerSecond}`);
      },
      stopClient: (name) => this.asked(`stop client of ${name}`),
      migrate: async ({ to, mode }): Promise<Migrated> => {
        await this.asked(`${mode} to ${to}`);
        this.migrations += 1;
        const sample = sampleBenchMigration(this.cell, { mode, repetition: 1, warmUp: false });
        const report = { ...sample, id: `m${this.migrations}`, ...this.fate(this.migrations) };
        return { report, problem: shortcoming(report, true) };
      },
      touchHostMemory: () => Promise.resolve(),
      measureFloor: async (bytes) => {
        await this.asked(`floor of ${bytes}`);
        return { bytes, sourceCpuSeconds: 1, destinationCpuSeconds: 1, seconds: 1 };
      },
      migrateWholeVm: (cell, count) => this.wholeVms(cell, count),
      ...changes,
    };
  }

  private async *wholeVms(cell: Cell, count: number): AsyncGenerator<WholeVmMigration> {
    await this.asked(`whole VM with ${cell.memoryBytes}, ${cell.writeBytesPerSecond}`);
    try {
      for (let repetition = 1; repetition <= count; repetition += 1)
        yield { ...sampleWholeVm(cell, repetition), ...this.wholeVmFate(repetition) };
    } finally {
      await this.asked('whole VM gone');
    }
  }

  private asked(call: string): Promise<void> {
    this.calls.push(call);
    return Promise.resolve();
  }
}

const node = {
  vm: '',
  kernel: '',
  criuVersion: '',
  runcVersion: '',
  cpuFeatures: [],
  memoryTotalBytes: 4 * gibibyte,
  memoryAvailableBytes: 3 * gibibyte,
  hypercallChannel: true,
  hypercallDetail: '',
  softDirty: true,
  bootId: '',
};

const cluster: Cluster = {
  version: '',
  redis: true,
  redisVolatile: false,
  vms: ['vm-a', 'vm-b', 'vm-c'].map((name) => ({ name, host: '', node, relay: null, problems: [] })),
};
