/**
 * The options of `migrate` and `evacuate` that say how a container is migrated, and what they are on the wire.
 */
import type { Command } from 'commander';

import type { MigrateRequest } from '../controller.js';
import {
  bandwidth,
  batch,
  downtime,
  mode,
  optionWithDefault,
  wholeNumber,
  type ModeName,
} from '../options.js';
import { wireModes } from './migrate.js';

export interface HowOptions {
  readonly mode: ModeName;
  readonly maxDowntime: number;
  readonly maxRounds: number;
  readonly bandwidth?: number;
  readonly batch: string;
  readonly throttle?: true;
  readonly verify?: true;
  readonly retries: number;
}

export function addHowOptions(command: Command, standardRetries: string): Command {
  return command
    .addOption(optionWithDefault('--mode <portkey|criu>', 'how its memory crosses', mode, 'portkey'))
    .addOption(
      optionWithDefault(
        '--max-downtime <time>',
        'freeze when the rest can be sent within this',
        downtime,
        '300ms',
      ),
    )
    .addOption(
      optionWithDefault(
        '--max-rounds <n>',
        'freeze after so many rounds at the latest',
        wholeNumber(1, 100),
        '8',
      ),
    )
    .option('--bandwidth <rate>', 'cap on what the relay sends, like 1gbit', bandwidth)
    .addOption(optionWithDefault('--batch <adaptive|fixed:N>', 'pages per hypercall', batch, 'adaptive'))
    .option('--throttle', 'give it less CPU where it writes faster than its pages travel')
    .option(
      '--verify',
      'before the commit, compare digests of all pages as frozen and as landed; costs downtime',
    )
    .addOption(
      optionWithDefault(
        '--retries <n>',
        'try again so often where it failed for a reason that may pass',
        wholeNumber(0, 100),
        standardRetries,
      ),
    );
}

export function howRequest(options: HowOptions): MigrateRequest {
  return {
    mode: wireModes[options.mode],
    maxDowntimeMs: options.maxDowntime,
    maxRounds: options.maxRounds,
    bytesPerSecond: options.bandwidth ?? 0,
    batch: options.batch,
    throttle: options.throttle ?? false,
    verify: options.verify ?? false,
    retries: options.retries,
  };
}
