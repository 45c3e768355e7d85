/**
 * What an agent has done of migrations: a log line and a count for each step, when it has ended well. Those that failed
 * are told with their call (libraries/service/failed-calls.ts).
 */
import type { Logger } from 'pino';
import { Counter, type Registry } from 'prom-client';

import { agentCpuMeter, cpuSince, type CpuMeter } from './cpu-meter.js';
import type { MigrationRef } from '../rpc/index.js';

export type Step =
  | 'begin'
  | 'round'
  | 'throttle'
  | 'freeze'
  | 'dump'
  | 'finish'
  | 'rollback'
  | 'prepare'
  | 'restore'
  | 'activate'
  | 'release'
  | 'discard';

export class Steps {
  private readonly counter: Counter<'step'>;

  constructor(
    private readonly log: Pick<Logger, 'info'>,
    registry: Registry,
    private readonly meter: CpuMeter = agentCpuMeter,
  ) {
    this.counter = new Counter({
      name: 'portkey_migration_steps_total',
      help: 'Steps of migrations that this agent has done, by step.',
      labelNames: ['step'],
      registers: [registry],
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
    const result = await work();
    const cpu = cpuSince(before, this.meter());
    this.counter.inc({ step });
    this.log.info({ migrationId, container, epoch, ...figures(result), ...cpu }, step);
    return result;
  }
}
