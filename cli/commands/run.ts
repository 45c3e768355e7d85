/** `run VM NAME …`: starts a container, or a built-in workload. */
import { Command } from 'commander';

import { PortkeyError } from '../../libraries/errors/index.js';
import type { Container } from '../../libraries/rpc/index.js';
import type { Cli } from '../cli.js';
import type { Controller } from '../controller.js';
import {
  containerName,
  environmentEntry,
  network,
  optionWithDefault,
  repeated,
  size,
  workload,
} from '../options.js';
import { runWorkload } from '../workload/run.js';
import { workloadPlaceOf } from '../workload-place.js';
import { containerRow } from './ps.js';

interface RunOptions {
  readonly rootfs?: string;
  readonly tmpfs?: readonly string[];
  readonly memory?: number;
  readonly ip?: string;
  readonly network: 'own' | 'host';
  readonly env?: readonly string[];
  readonly workload?: 'redis';
  readonly size?: number;
  readonly writeRate?: number;
}

const examples = `
Examples:
  portkey run vm-a web --workload redis --size 256M --write-rate 5M
  portkey run vm-a cache --rootfs / --tmpfs /tmp -- memcached -u nobody -l 0.0.0.0`;

export function runContainerCommand(cli: Cli): Command {
  return new Command('run')
    .description('starts a container in a VM and prints its address')
    .argument('<vm>', 'the VM')
    .argument('<name>', "the container's name", containerName)
    .argument('[command...]', 'what runs in it, after --')
    .option('--rootfs <path>', "folder in the guest that becomes its root; / is the guest's own, read-only")
    .option('--tmpfs <path>', 'writable mount point in memory; may be repeated', repeated)
    .option('--memory <size>', 'memory limit, like 512M', size)
    .option('--ip <address>', 'address of its own; a free one is chosen without')
    .addOption(
      optionWithDefault(
        '--network <own|host>',
        "own: an address that moves along; host: the VM's network",
        network,
        'own',
      ),
    )
    .option('--env <name=value>', 'environment variable; may be repeated', environmentEntry)
    .option('--workload <kind>', 'runs a built-in workload instead of a command: redis', workload)
    .option('--size <size>', 'data that the workload loads (default: 256M)', size)
    .option('--write-rate <size>', 'bytes a second that it writes (default: 5M)', size)
    .addHelpText('after', examples)
    .action(async (vm: string, name: string, command: string[], options: RunOptions) => {
      checkUsage(command, options);
      using controller = await cli.connect();
      const container = await start(cli, controller, vm, name, command, options);
      cli.output.result(containerRow({ vm, container, migrationState: '' })[0], () => container.ip || vm);
    });
}

function start(
  cli: Cli,
  controller: Controller,
  vm: string,
  name: string,
  command: readonly string[],
  options: RunOptions,
): Promise<Container> {
  const ip = options.ip ?? '';
  if (options.workload !== undefined)
    return runWorkload(cli, controller, workloadPlaceOf(cli.places), {
      vm,
      name,
      ip,
      memoryLimitBytes: options.memory ?? 0,
      memoryBytes: options.size ?? 256 * 2 ** 20,
      writeBytesPerSecond: options.writeRate ?? 5 * 2 ** 20,
    });
  const rootfs = options.rootfs ?? '';
  return controller.run(vm, {
    name,
    rootfs,
    readOnly: rootfs === '/',
    tmpfs: [...(options.tmpfs ?? [])],
    memoryLimitBytes: options.memory ?? 0,
    network: options.network === 'host' ? 'NETWORK_MODE_HOST' : 'NETWORK_MODE_OWN',
    ip,
    mac: '',
    command: [...command],
    env: [...(options.env ?? [])],
    labels: {},
  });
}

function checkUsage(command: readonly string[], options: RunOptions): void {
  const wrong = (message: string): never => {
    throw new PortkeyError('invalid-argument', message);
  };
  if (options.network === 'host' && options.ip !== undefined)
    wrong("--ip has no meaning with --network host: the container uses its VM's address");
  if (options.workload === undefined) {
    if (options.size !== undefined || options.writeRate !== undefined)
      wrong('--size and --write-rate belong to --workload');
    if (options.rootfs === undefined) wrong('say which root file system: --rootfs PATH, or --workload redis');
    if (command.length === 0) wrong('say what to run: -- COMMAND, or --workload redis');
    return;
  }
  const own = [options.rootfs, options.tmpfs, options.env];
  if (command.length > 0 || own.some((value) => value !== undefined))
    wrong('a built-in workload brings its own command, root file system, tmpfs and environment');
  if (options.network === 'host') wrong('a built-in workload has an address of its own; leave --network out');
}
