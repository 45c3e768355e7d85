/**
 * What the controller counts, for Prometheus. Labels are modes, outcomes, phases and decisions, never an id or a name.
 */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

import type { Decision, PrecopyState } from './precopy/decide.js';
import { PrecopyMetrics } from './precopy/metrics.js';
import type { MigrationReport } from './report/report.js';
import type { MigrationMode } from './state/index.js';

const phaseBuckets = [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100];
const downtimeBuckets = [0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 3, 5, 10, 30];

export class Metrics {
  private readonly migrations: Counter<'mode' | 'outcome'>;
  private readonly steps: Histogram<'mode' | 'phase'>;
  private readonly downtime: Histogram<'mode'>;
  private readonly rounds: Histogram<'mode'>;
  private readonly pages: Counter<'mode'>;
  private readonly bytes: Counter<'mode'>;
  private readonly running: Gauge;
  private readonly precopy: PrecopyMetrics;

  constructor(registry: Registry) {
    const registers = [registry];
    this.migrations = new Counter({
      name: 'portkey_migrations_total',
      help: 'Migrations that have ended.',
      labelNames: ['mode', 'outcome'],
      registers,
    });
    this.steps = new Histogram({
      name: 'portkey_migration_phase_seconds',
      help: 'Time spent in each step of a migration.',
      labelNames: ['mode', 'phase'],
      buckets: phaseBuckets,
      registers,
    });
    this.downtime = new Histogram({
      name: 'portkey_migration_downtime_seconds',
      help: 'From the freeze of the first task to the first task running on the destination.',
      labelNames: ['mode'],
      buckets: downtimeBuckets,
      registers,
    });
    this.rounds = new Histogram({
      name: 'portkey_migration_rounds',
      help: 'Rounds of a completed migration, the last one included.',
      labelNames: ['mode'],
      buckets: [1, 2, 3, 4, 5, 6, 8, 12, 20],
      registers,
    });
    this.pages = new Counter({
      name: 'portkey_migration_pages_total',
      help: 'Pages sent, again or for the first time.',
      labelNames: ['mode'],
      registers,
    });
    this.bytes = new Counter({
      name: 'portkey_migration_sent_bytes_total',
      help: 'Bytes of pages and images sent.',
      labelNames: ['mode'],
      registers,
    });
    this.running = new Gauge({
      name: 'portkey_migrations_running',
      help: 'Migrations in progress.',
      registers,
    });
    this.precopy = new PrecopyMetrics(registry);
  }

  setRunning(count: number): void {
    this.running.set(count);
  }

  roundEnded(mode: MigrationMode, state: PrecopyState, decision: Decision): void {
    this.precopy.decided(mode, state, decision);
  }

  migrationEnded(report: MigrationReport): void {
    const { mode, outcome, downtimeSeconds } = report;
    this.migrations.inc({ mode, outcome: outcome ?? 'failed' });
    this.pages.inc({ mode }, report.pagesSent);
    this.bytes.inc({ mode }, report.bytesSent);
    if (outcome !== 'completed' || report.recovered) return;
    for (const { name, seconds } of report.steps) this.steps.observe({ mode, phase: name }, seconds);
    this.rounds.observe({ mode }, report.rounds.length);
    if (downtimeSeconds !== null) this.downtime.observe({ mode }, downtimeSeconds);
  }
}
