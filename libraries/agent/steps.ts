/**
 * What an agent has done of migrations: a log line and a count for each step, when it has ended well. Those that failed
 * are told with their call (libraries/service/failed-calls.ts). The CPU of each is kept for whoever asks
 * (migration-usage.ts), of failed ones too.
 *
 * `last-round` is the one that the container spends frozen; `list-pages` and `digest` are for --verify: which pages landed, and
 * digests of them, or of the frozen ones.
 */
import type { Logger } from 'pino';
import type { Counter, Registry } from 'prom-client';

import { agentCpuMeter, cpuSince, type AgentCpu, type CpuMeter } from './cpu-meter.js';
import { MigrationUsage, type StepUsage } from './migration-usage.js';
import type { Agent } from '../hypercall/index.js';
import type { MigrationRef } from '../rpc/index.js';
import { counterFromZero } from '../service/index.js';

const stepsOf = {
  checkpoint: [
    'begin',
    'round',
    'last-round',
    'throttle',
    'freeze',
    'dump',
    'digest',
    'finish',
    'rollback',
    'take-over',
  ],
  restore: ['prepare', 'list-pages', 'digest', 'restore', 'activate', 'release', 'discard', 'take-over'],
} as const;

export type Step = (typeof stepsOf)[Agent][number];

export class Steps {
  private readonly counter: Counter<'step'>;
  private readonly used = new MigrationUsage();

  constructor(
    agent: Agent,
    private readonly log: Pick<Logger, 'info'>,
    registry: Registry,
    private readonly meter: CpuMeter = agentCpuMeter,
  ) {
    this.counter = counterFromZero(registry, {
      name: 'portkey_migration_steps_total',
      help: 'Steps of migrations that this agent has done, by step.',
      labels: { step: stepsOf[agent] },
    });
  }

  /** Does `work`; `figures` are what came out of it, for the log line. Throws what `work` throws. */
  async run<T>(
    step: Step,
    { migrationId, container, epoch }: MigrationRef,
    work: () => Promise<T>,
    figures: (result: T) => object = () => ({}),
  ): Promise<T> {
    const before = this.meter();
    const used = (): AgentCpu => {
      const after = this.meter();
      this.used.add(migrationId, step, before, after);
      return cpuSince(before, after);
    };
    let result: T;
    try {
      result = await work();
    } catch (thrown) {
      used();
      throw thrown;
    }
    this.counter.inc({ step });
    this.log.info({ migrationId, container, epoch, ...figures(result), ...used() }, step);
    return result;
  }

  /** The CPU of a migration's steps so far. Throws `migration-unknown`. */
  usage({ migrationId }: MigrationRef): StepUsage[] {
    return this.used.of(migrationId);
  }
}
