/** `testbed up|image|status|restart|down|exec|cp`: VMs on this machine to try it all with. */
import { Command } from 'commander';

import {
  cp,
  down,
  exec,
  image,
  maximumControllers,
  maximumStreams,
  restart,
  status,
  up,
  type TestbedState,
  type TestbedStatus,
} from '../../testbed/index.js';
import type { Cli } from '../cli.js';
import { collector } from '../collector.js';
import { abortOnInterrupt } from '../interrupts.js';
import {
  accelerator,
  linkSpeed,
  optionWithDefault,
  size,
  wholeNumber,
  type Accelerator,
} from '../options.js';
import { formatTable } from '../table.js';

interface UpOptions {
  readonly vms: number;
  readonly vmMemory: number;
  readonly accel: Accelerator;
  readonly link: string;
  readonly streams: number;
  readonly controllers: number;
}

export function testbedCommand(cli: Cli): Command {
  return new Command('testbed')
    .description('VMs on this machine, each on a host of its own (a network namespace)')
    .addCommand(upCommand(cli))
    .addCommand(imageCommand(cli))
    .addCommand(statusCommand(cli))
    .addCommand(restartCommand(cli))
    .addCommand(downCommand(cli))
    .addCommand(execCommand(cli))
    .addCommand(cpCommand(cli));
}

function upCommand(cli: Cli): Command {
  return new Command('up')
    .description('brings the test bed up: vm-a, vm-b, …')
    .addOption(optionWithDefault('--vms <n>', 'how many VMs', wholeNumber(1, 10), '2'))
    .addOption(optionWithDefault('--vm-memory <size>', 'memory of each', size, '2G'))
    .addOption(
      optionWithDefault('--accel <auto|kvm|tcg>', 'auto tries KVM by booting a guest', accelerator, 'auto'),
    )
    .addOption(optionWithDefault('--link <rate>', 'speed of the link between the hosts', linkSpeed, '10gbit'))
    .addOption(
      optionWithDefault(
        '--streams <n>',
        'connections of each migration, with a thread each at either end',
        wholeNumber(1, maximumStreams),
        '1',
      ),
    )
    .addOption(
      optionWithDefault(
        '--controllers <n>',
        'how many controllers share the migrations, so that one may be killed',
        wholeNumber(1, maximumControllers),
        '1',
      ),
    )
    .addHelpText('after', '\nExample:\n  portkey testbed up --vms 3 --vm-memory 1G --link 1gbit')
    .action(async ({ vms, vmMemory, accel, link, streams, controllers }: UpOptions) => {
      using interrupt = abortOnInterrupt(cli.interrupts);
      const report = (line: string): void => cli.output.note(line);
      const state = await up(
        { vms, vmMemoryBytes: vmMemory, accel, link, streams, controllers },
        { report, signal: interrupt.signal },
      );
      cli.output.result(state, () => vmTable(state));
    });
}

function imageCommand(cli: Cli): Command {
  return new Command('image')
    .description("makes the VMs' disk image where it is not cached, as up does, and says where it is")
    .action(async () => {
      using interrupt = abortOnInterrupt(cli.interrupts);
      const made = await image({ report: (line) => cli.output.note(line), signal: interrupt.signal });
      cli.output.result(made, () => made.rootfs);
    });
}

function statusCommand(cli: Cli): Command {
  return new Command('status').description('says what runs').action(async () => {
    const found = await status();
    cli.output.result(found, () => statusText(found));
    if (found.state === 'degraded' || found.state === 'remains') cli.exitCode = 1;
  });
}

function restartCommand(cli: Cli): Command {
  return new Command('restart')
    .description('kills one part without notice and starts it again')
    .argument('<part>', 'vm-a, relay-host-a, controller, controller-2, redis, gateway')
    .addHelpText(
      'after',
      "\nTo see what becomes of a migration meanwhile. A VM's containers end with it; 'testbed status' says when all is up again.",
    )
    .action(async (part: string) => {
      using interrupt = abortOnInterrupt(cli.interrupts);
      await restart(part, { report: (line) => cli.output.note(line), signal: interrupt.signal });
      cli.output.result({ part }, () => `${part} was started again`);
    });
}

function downCommand(cli: Cli): Command {
  return new Command('down')
    .description('takes the test bed down and leaves nothing behind, also after a crash')
    .action(async () => {
      // Half a cleanup helps nobody, so Ctrl-C does not stop it.
      const note = (line: string): void => cli.output.note(line);
      const handler = cli.interrupts.on(() => note('taking the test bed down; this cannot be stopped'));
      const removed = await down({ report: note }).finally(() => handler[Symbol.dispose]());
      cli.output.result({ state: 'down', removed }, () => '');
    });
}

function execCommand(cli: Cli): Command {
  return new Command('exec')
    .description('runs a command in a guest as root; its exit code is the exit code')
    .argument('<vm>', 'the VM')
    .argument('<command...>', 'the command, after --')
    .addHelpText('after', '\nExample:\n  portkey testbed exec vm-a -- cat /proc/loadavg')
    .action(async (vm: string, command: string[]) => {
      const signals = (pass: (signal: NodeJS.Signals) => void): (() => void) => {
        const handler = cli.interrupts.on(() => pass('SIGINT'));
        return () => handler[Symbol.dispose]();
      };
      const { stdin, stdout, stderr } = process;
      if (!cli.output.flags.json) {
        cli.exitCode = await exec(vm, command, { stdin, stdout, stderr, onSignal: signals });
        return;
      }
      const [out, err] = [collector(), collector()];
      const exitCode = await exec(vm, command, {
        stdin,
        stdout: out.stream,
        stderr: err.stream,
        onSignal: signals,
      });
      cli.output.result({ vm, command, exitCode, stdout: out.text(), stderr: err.text() }, () => '');
      cli.exitCode = exitCode;
    });
}

function cpCommand(cli: Cli): Command {
  return new Command('cp')
    .description('copies a file or folder from, to or between guests')
    .argument('<source>', 'PATH or VM:/PATH')
    .argument('<destination>', 'PATH or VM:/PATH')
    .addHelpText('after', '\nExample:\n  portkey testbed cp ./site vm-a:/srv/site')
    .action(async (source: string, destination: string) => {
      using interrupt = abortOnInterrupt(cli.interrupts);
      await cp(source, destination, interrupt.signal);
      cli.output.result({ source, destination }, () => '');
    });
}

function vmTable({ vms }: TestbedState): string {
  return formatTable(
    [{ title: 'VM' }, { title: 'host' }, { title: 'address' }],
    vms.map(({ name, host, address }) => [name, host, address]),
  );
}

function statusText({ state, testbed, processes, services, remains }: TestbedStatus): string {
  if (state === 'down') return 'the test bed is down';
  if (state === 'starting') return 'the test bed is being brought up';
  if (testbed === undefined)
    return ["a test bed left these behind; 'portkey testbed down' removes them:", ...remains].join('\n');
  const dead = processes.filter(({ running }) => !running).map(({ name }) => `${name} does not run`);
  const silent = services.filter(({ serving }) => !serving).map(({ name }) => `${name} does not answer`);
  const streams = testbed.streams === 1 ? '' : `, ${testbed.streams} streams a migration`;
  const controllers = testbed.controllerCount === 1 ? '' : `, ${testbed.controllerCount} controllers`;
  return [
    `the test bed is ${state}: ${testbed.accel}, kernel ${testbed.kernel}, CRIU ${testbed.criu}, link ${testbed.link}${streams}${controllers}`,
    '',
    vmTable(testbed),
    ...[...dead, ...silent].map((line) => `✗ ${line}`),
  ].join('\n');
}
