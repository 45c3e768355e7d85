/** `bench`: the experiment over sizes, write rates and modes. */
import { Command, Option } from 'commander';

import { asPortkeyError, PortkeyError } from '../../libraries/errors/index.js';
import { formatBytes } from '../../libraries/units/index.js';
import { runtimeFolder } from '../../testbed/index.js';
import { operatorOf } from '../../testbed/certificates.js';
import { certificatesFolder, topologyOf } from '../../testbed/topology.js';
import { realBeds } from '../bench/bed.js';
import { bedRunsOf, inBeds, type BedRun, type BedRunOptions } from '../bench/bed-runs.js';
import { planOf, type PlanOptions } from '../bench/plan.js';
import { BenchRecorder } from '../bench/recorder.js';
import { runBench } from '../bench/run.js';
import { stopOnInterrupt, type Stopping } from '../bench/stopping.js';
import { benchText } from '../bench/tables.js';
import { benchTools } from '../bench/tools.js';
import type { Cli } from '../cli.js';
import { Controller } from '../controller.js';
import { accelerator, linkSpeed, modes, optionWithDefault, sizes, wholeNumber } from '../options.js';

const notes = `
Needs root. Uses the test bed that is up; where none is, brings one up and takes it down at the end. The modes take
turns on the same container (A B · A B …), after warm-ups that are not counted; between two pairs it is moved once more, not
counted either, so that each mode goes each way. Two yardsticks are measured, too: for each size the floor, what a minimal program takes to
send as many bytes over the same link by sendfile; for each size and write rate whole-VM migration, QEMU's own of a VM like the test bed's
under the same workload, which needs room for two more VMs.
Where this machine is a VM itself, free memory is touched before each migration and each floor: what its hypervisor has
taken back would cost several times as much. That helps Portkey mode and the floor, which land in fresh memory of the host.
Writes out/bench.json after each step, and out/bench.html at the end. Ctrl-C stops it, and keeps what there is.

Examples:
  portkey bench --sizes 64M,256M --write-rates 0,5M --repeat 5
  portkey bench --sizes 1G,2G --write-rates 0,10M --repeat 4 --bars
  portkey bench --sizes 64M,256M,1G,2G --write-rates 0 --warm-up 3 --bars            growth with the container
  portkey bench --sizes 256M --write-rates 0 --vm-memory 2G,8G --warm-up 3 --repeat 5 --bars   in larger VMs`;

interface BenchCommandOptions extends PlanOptions, Omit<BedRunOptions, 'keep'> {
  readonly bars?: true;
  readonly keep?: true;
}

export function benchCommand(cli: Cli): Command {
  return new Command('bench')
    .description('the experiment: every size and write rate in every mode, several times')
    .addOption(optionWithDefault('--sizes <list>', 'data in the Redis', sizes, '64M,256M,1G'))
    .addOption(
      optionWithDefault('--write-rates <list>', 'bytes a second that its client writes', sizes, '0,5M'),
    )
    .addOption(optionWithDefault('--modes <list>', 'modes in turn', modes, 'criu,portkey'))
    .addOption(optionWithDefault('--repeat <n>', 'migrations of each kind', wholeNumber(1, 1000), '3'))
    .addOption(
      optionWithDefault('--warm-up <n>', 'migrations before them, not counted', wholeNumber(0, 10), '2'),
    )
    .option('--no-floor', 'leaves out the floor, which needs root')
    .option('--no-whole-vm', 'leaves out whole-VM migration by QEMU')
    .option('--cold-memory', 'leaves the machine’s free memory as it is, where that is a VM itself')
    .option('--bars', 'holds the figures against the bars, as far as their sizes and write rates were run')
    .addOption(
      new Option(
        '--vm-memory <list>',
        'memory of each VM; of several one test bed after the other (default: what the largest size needs)',
      ).argParser(sizes),
    )
    .addOption(
      new Option('--accel <auto|kvm|tcg>', 'auto tries KVM by booting a guest (default: auto)').argParser(
        accelerator,
      ),
    )
    .addOption(
      new Option('--link <rate>', 'speed of the link between the hosts (default: 10gbit)').argParser(
        linkSpeed,
      ),
    )
    .option('--keep', 'leaves up the test bed that it brought up')
    .addHelpText('after', notes)
    .action(async (options: BenchCommandOptions) => {
      const plan = planOf(options);
      requireOwnController(cli.namedController());
      requireRoot();
      using stopping = stopOnInterrupt(cli.interrupts, (line) => cli.output.note(line));
      const runs = bedRunsOf(plan, { ...options, keep: options.keep === true });
      await experiment(cli, runs, stopping, options.bars === true);
    });
}

async function experiment(
  cli: Cli,
  runs: readonly BedRun[],
  stopping: Stopping,
  bars: boolean,
): Promise<void> {
  const note = (line: string): void => cli.output.note(line);
  const recorder = new BenchRecorder({ bars }, 'out');
  let failure: PortkeyError | undefined;
  try {
    await inBeds(realBeds, runs, { note, signal: stopping.signal }, async (testbed, plan) => {
      if (runs.length > 1) note(`in VMs of ${formatBytes(testbed.vmMemoryBytes)}:`);
      recorder.nextBed(testbed);
      using controller = new Controller(
        testbed.controller,
        operatorOf(certificatesFolder(cli.places.runtime)),
      );
      await runBench(benchTools(cli, controller, testbed, stopping), plan, recorder);
    });
  } catch (error) {
    // Without figures there is nothing to save, and the error's own exit code says more.
    if (recorder.isEmpty) throw error;
    failure = asPortkeyError(error);
  }
  const files = await recorder.finish();
  const file = recorder.file();
  cli.output.result(file, () => [benchText(file), '', ...files].join('\n').trim());
  failure ??= shortcomingOf(recorder.shortcomings);
  if (failure === undefined) return;
  cli.output.failure(failure);
  cli.exitCode = 1;
}

function shortcomingOf([first, ...more]: readonly string[]): PortkeyError | undefined {
  if (first === undefined) return undefined;
  const others = more.length === 0 ? '' : ` (and ${more.length} more, see above)`;
  return new PortkeyError('command-failed', `not everything was measured: ${first}${others}`);
}

function requireRoot(): void {
  if (process.getuid?.() === 0) return;
  throw new PortkeyError(
    'testbed-failed',
    'the experiment needs root, because it works in the network namespaces of the test bed; run it with sudo',
  );
}

/** The figures are this machine's, and bench.json says so. */
function requireOwnController(named: string | undefined): void {
  const own = topologyOf(0, runtimeFolder).controllers.map(({ socket }) => `unix:${socket}`);
  if (named === undefined || own.includes(named)) return;
  throw new PortkeyError(
    'invalid-argument',
    `the experiment runs on this machine's test bed, not at ${named}; leave out --controller and PORTKEY_CONTROLLER`,
  );
}
