/**
 * What the controller counts, for Prometheus. Labels are modes, outcomes, phases, states, sides, error codes and decisions, never
 * an id or a name: a thousand migrations add no series (docs/metrics.md).
 *
 * CPU and memory are of completed migrations whose CPU both relays have told, so that one divided by the other is the CPU for
 * moving so much of a container.
 */
import { Gauge, type Counter, type Histogram, type Registry } from 'prom-client';

import { errorCodes, isErrorCode } from '../../libraries/errors/index.js';
import { counterFromZero, histogramFromZero } from '../../libraries/service/index.js';
import { cpuComponents } from './accounting/cpu.js';
import { stepNames } from './accounting/stopwatch.js';
import type { Decision, PrecopyState } from './precopy/decide.js';
import { PrecopyMetrics } from './precopy/metrics.js';
import { outcomes, type MigrationReport } from './report/report.js';
import {
  allStates,
  isFinal,
  migrationModes,
  type MigrationMode,
  type MigrationState,
} from './state/index.js';

const phaseBuckets = [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100];
const downtimeBuckets = [0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 3, 5, 10, 30];

/** A migration that is not at rest: it has not ended, or it owes something. */
export interface UnfinishedMigration {
  readonly state: MigrationState;
  /** Since its container was frozen, if no copy is known to run. */
  readonly frozenSeconds: number;
}

const unfinishedStates = allStates.filter((state) => !isFinal(state));

export class Metrics {
  private readonly migrations: Counter<'mode' | 'outcome'>;
  private readonly errors: Counter<'code'>;
  private readonly steps: Histogram<'mode' | 'phase'>;
  private readonly downtime: Histogram<'mode'>;
  private readonly rounds: Histogram<'mode'>;
  private readonly pages: Counter<'mode'>;
  private readonly bytes: Counter<'mode'>;
  private readonly cpu: Counter<'mode' | 'side' | 'component'>;
  private readonly transferCpu: Counter<'mode' | 'side'>;
  private readonly memory: Counter<'mode'>;
  private readonly hypercalls: Counter<'mode'>;
  private readonly running: Gauge;
  private unfinished: () => readonly UnfinishedMigration[] = () => [];
  private readonly precopy: PrecopyMetrics;

  constructor(registry: Registry) {
    const registers = [registry];
    const mode = migrationModes;
    this.migrations = counterFromZero(registry, {
      name: 'portkey_migrations_total',
      help: 'Migrations that have ended.',
      labels: { mode, outcome: outcomes },
    });
    this.errors = counterFromZero(registry, {
      name: 'portkey_migration_errors_total',
      help: 'Migrations that have ended without being completed, by the code of their error.',
      labels: { code: Object.keys(errorCodes) },
    });
    this.steps = histogramFromZero(registry, {
      name: 'portkey_migration_phase_seconds',
      help: 'Time that each step of a completed migration took.',
      labels: { mode, phase: stepNames },
      buckets: phaseBuckets,
    });
    this.downtime = histogramFromZero(registry, {
      name: 'portkey_migration_downtime_seconds',
      help: 'From the freeze of the first task to the first task running on the destination.',
      labels: { mode },
      buckets: downtimeBuckets,
    });
    this.rounds = histogramFromZero(registry, {
      name: 'portkey_migration_rounds',
      help: 'Rounds of a completed migration, the last one included.',
      labels: { mode },
      buckets: [1, 2, 3, 4, 5, 6, 8, 12, 20],
    });
    this.pages = counterFromZero(registry, {
      name: 'portkey_migration_pages_total',
      help: 'Pages sent, again or for the first time.',
      labels: { mode },
    });
    this.bytes = counterFromZero(registry, {
      name: 'portkey_migration_sent_bytes_total',
      help: 'Bytes of pages and images sent.',
      labels: { mode },
    });
    this.cpu = counterFromZero(registry, {
      name: 'portkey_migration_cpu_seconds_total',
      help: 'CPU that completed migrations took of a host, without what an idle VM uses.',
      labels: { mode, side: ['source', 'destination'], component: cpuComponents },
    });
    this.transferCpu = counterFromZero(registry, {
      name: 'portkey_migration_transfer_cpu_seconds_total',
      help: "Of portkey_migration_cpu_seconds_total what the transfer took: all until the last page has landed, without CRIU's restore.",
      labels: { mode, side: ['source', 'destination'] },
    });
    this.memory = counterFromZero(registry, {
      name: 'portkey_migration_memory_bytes_total',
      help: 'Memory of the containers of those migrations whose CPU portkey_migration_cpu_seconds_total has.',
      labels: { mode },
    });
    this.hypercalls = counterFromZero(registry, {
      name: 'portkey_migration_hypercalls_total',
      help: 'Hypercalls of the migrations whose pages portkey_migration_pages_total has.',
      labels: { mode },
    });
    this.running = new Gauge({
      name: 'portkey_migrations_running',
      help: 'Migrations in progress.',
      registers,
    });
    this.watchUnfinished(registers);
    this.precopy = new PrecopyMetrics(registry);
  }

  setRunning(count: number): void {
    this.running.set(count);
  }

  /** Asked at each scrape. */
  setUnfinished(unfinished: () => readonly UnfinishedMigration[]): void {
    this.unfinished = unfinished;
  }

  roundEnded(mode: MigrationMode, state: PrecopyState, decision: Decision): void {
    this.precopy.decided(mode, state, decision);
  }

  migrationEnded(report: MigrationReport): void {
    const { mode, outcome, downtimeSeconds, error } = report;
    this.migrations.inc({ mode, outcome: outcome ?? 'failed' });
    // The reason of one that another controller has aborted is text from Redis.
    if (error !== null) this.errors.inc({ code: isErrorCode(error.code) ? error.code : 'internal' });
    this.pages.inc({ mode }, report.pagesSent);
    this.bytes.inc({ mode }, report.bytesSent);
    this.hypercalls.inc({ mode }, report.hypercalls);
    if (outcome !== 'completed' || report.recovered) return;
    for (const { name, seconds } of report.steps) this.steps.observe({ mode, phase: name }, seconds);
    this.rounds.observe({ mode }, report.rounds.length);
    if (downtimeSeconds !== null) this.downtime.observe({ mode }, downtimeSeconds);
    this.countCpu(report);
  }

  private countCpu({ mode, cpuSeconds, memoryBytes }: MigrationReport): void {
    const { source, destination } = cpuSeconds;
    if (source === null || destination === null || memoryBytes === null) return;
    for (const [side, { byComponent, transfer }] of Object.entries({ source, destination })) {
      for (const component of cpuComponents) this.cpu.inc({ mode, side, component }, byComponent[component]);
      this.transferCpu.inc({ mode, side }, transfer);
    }
    this.memory.inc({ mode }, memoryBytes);
  }

  private watchUnfinished(registers: Registry[]): void {
    const all = (): readonly UnfinishedMigration[] => this.unfinished();
    new Gauge({
      name: 'portkey_migrations_in_state',
      help: 'Migrations that have not ended and that this controller works on, by state.',
      labelNames: ['state'],
      registers,
      collect() {
        for (const state of unfinishedStates)
          this.set({ state }, all().filter((one) => one.state === state).length);
      },
    });
    new Gauge({
      name: 'portkey_migration_frozen_seconds',
      help: 'For how long a container has been frozen by now: the longest of those that this controller migrates.',
      registers,
      collect() {
        this.set(Math.max(0, ...all().map(({ frozenSeconds }) => frozenSeconds)));
      },
    });
  }
}
