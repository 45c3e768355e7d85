/** `demo`, which is `npm start`: both modes on a test bed of its own, and the table. */
import { Command } from 'commander';

import { PortkeyError } from '../../libraries/errors/index.js';
import type { Cli } from '../cli.js';
import { runDemo } from '../demo/demo.js';
import { accelerator, linkSpeed, optionWithDefault, size, type Accelerator } from '../options.js';

interface DemoCommandOptions {
  readonly size: number;
  readonly writeRate: number;
  readonly vmMemory: number;
  readonly accel: Accelerator;
  readonly link: string;
  readonly keep?: true;
}

const notes = `
Needs root. Installs missing Debian packages, brings a test bed up, runs a Redis with a writing client, migrates it once in each
mode, verifies the data and the connection, writes out/report.json and out/report.html, takes the test bed down.

Example:
  npm start -- --size 64M --keep`;

export function demoCommand(cli: Cli): Command {
  return new Command('demo')
    .description('the whole story in one go (npm start)')
    .addOption(optionWithDefault('--size <size>', 'data in the Redis', size, '256M'))
    .addOption(optionWithDefault('--write-rate <size>', 'bytes a second that its client writes', size, '5M'))
    .addOption(optionWithDefault('--vm-memory <size>', 'memory of each VM', size, '2G'))
    .addOption(
      optionWithDefault('--accel <auto|kvm|tcg>', 'auto tries KVM by booting a guest', accelerator, 'auto'),
    )
    .addOption(optionWithDefault('--link <rate>', 'speed of the link between the hosts', linkSpeed, '10gbit'))
    .option('--keep', 'leaves the test bed up')
    .addHelpText('after', notes)
    .action(async (options: DemoCommandOptions) => {
      const { report, files, table, shortcomings } = await runDemo(cli, {
        vms: 2,
        vmMemoryBytes: options.vmMemory,
        accel: options.accel,
        link: options.link,
        memoryBytes: options.size,
        writeBytesPerSecond: options.writeRate,
        keep: options.keep === true,
        outFolder: 'out',
      });
      cli.output.result(report, () => [table, '', ...files].join('\n').trim());
      if (shortcomings.length === 0) return;
      cli.output.failure(new PortkeyError('command-failed', shortcomings.join('; ')));
      cli.exitCode = 1;
    });
}
