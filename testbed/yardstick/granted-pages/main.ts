/**
 * Compares the two ways in which pages can reach a guest: node build/testbed/yardstick/granted-pages/main.js [SIZE] [PASSES]
 *
 * Landing on the share, which is what Portkey does, against frames that the guest has granted: memory of its own tmpfs,
 * pinned through io_uring's registered buffers, into which the host receives. What is compared is what the destination's
 * host spends until a program in the guest has read the pages as CRIU does; the rest of a migration is the same.
 *
 * Uses the test bed that is up; where none is, brings one up and takes it down again. Ctrl-C stops it, and cleans up.
 */
import { asPortkeyError, PortkeyError } from '../../../libraries/errors/index.js';
import { systemClock } from '../../../libraries/process/index.js';
import { formatBytes, parseBytes } from '../../../libraries/units/index.js';
import { down, status, up, type TestbedState } from '../../index.js';
import { placesOf } from '../../paths.js';
import { runExperiment, vmMemoryFor, type ExperimentRequest, type Findings } from './experiment.js';
import { passageTable } from './table.js';

const usage = `usage: node build/testbed/yardstick/granted-pages/main.js [SIZE] [PASSES]

Pages of SIZE (1G, in whole MiB) travel PASSES times (5) in each of these ways, in turn, after one time that is not counted:
  share                 into a file of the share, which the guest reads through virtiofs
  granted               into huge pages of the guest's tmpfs, pinned, copied by pwrite
  granted, mapped       the same, received into a mapping of the guest's RAM
  granted, 4 KiB pages  as granted, on a tmpfs without huge pages
Needs root. Brings a test bed up, and takes it down, unless one is up.
`;

const stopping = new AbortController();
const stop = (): void => stopping.abort(new PortkeyError('cancelled', 'stopped on request'));
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, stop);
const report = (line: string): void => void process.stderr.write(`${line}\n`);
const hooks = { report, signal: stopping.signal };

try {
  const args = process.argv.slice(2);
  if (args.includes('--help')) process.stdout.write(usage);
  else await measure(requestIn(args));
} catch (thrown) {
  const error = asPortkeyError(thrown);
  report(error.details === undefined ? error.message : `${error.message}\n${error.details}`);
  process.exitCode = error.exitCode;
}

function requestIn(args: readonly string[]): ExperimentRequest {
  const [size = '1G', passText = '5'] = args;
  const [byteLength, passes] = [parseBytes(size), Number(passText)];
  if (
    args.length <= 2 &&
    byteLength > 0 &&
    byteLength % 2 ** 20 === 0 &&
    Number.isInteger(passes) &&
    passes > 0
  )
    return { byteLength, passes };
  throw new PortkeyError(
    'invalid-argument',
    `'${args.join(' ')}' is not [SIZE] [PASSES], with SIZE in whole MiB`,
    {
      details: usage,
    },
  );
}

async function measure(request: ExperimentRequest): Promise<void> {
  const found = await status();
  if (found.testbed !== undefined && found.state === 'up') {
    print(request, found.testbed, await run(request, found.testbed));
    return;
  }
  if (found.testbed !== undefined)
    throw new PortkeyError(
      'testbed-failed',
      `the test bed is ${found.state}; take it down with './portkey testbed down'`,
    );
  const vmMemoryBytes = vmMemoryFor(request.byteLength);
  const testbed = await up({ vms: 2, vmMemoryBytes, accel: 'auto', link: '10gbit' }, hooks);
  try {
    print(request, testbed, await run(request, testbed));
  } finally {
    await down(hooks);
  }
}

function run(request: ExperimentRequest, testbed: TestbedState): Promise<Findings> {
  return runExperiment(request, testbed, placesOf(process.env), { ...hooks, clock: systemClock });
}

function print(
  { byteLength, passes }: ExperimentRequest,
  { accel, kernel }: TestbedState,
  found: Findings,
): void {
  const { pinned, pinnedPages, others, otherPages } = found.compaction;
  process.stdout.write(
    [
      `${formatBytes(byteLength)}, ${passes} passes in turn, ${accel}, guest kernel ${kernel}; medians, an idle VM's share taken off`,
      passageTable(found.ways),
      'what the guest has read was compared byte for byte with what was sent, in every pass',
      `moved by compaction: ${pinned} of ${pinnedPages} pinned pages, ${others} of ${otherPages} others`,
      '',
    ].join('\n'),
  );
}
