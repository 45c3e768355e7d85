/**
 * Compares the two ways to find a task's pages: node build/services/checkpoint/yardstick/scan-ways/main.js [SIZE] [PASSES]
 *
 * PAGEMAP_SCAN against reading the entries of the pagemap one by one, which is what older kernels are left to. Each in
 * turn on the same task, which stands still, for the two questions that a round asks: which pages are the task's, and how
 * many were written since the dirty bits were cleared (1 page in 64 was).
 *
 * Needs root. Figures that count are those of a guest, whose kernel has soft-dirty bits and whose CPU may be emulated. It is
 * on the guests' code disk; agents run with these flags (testbed/image/guest/agent.sh), which the comparison depends on:
 *
 *     ./portkey testbed exec vm-a -- node --no-opt --no-flush-bytecode --min-semi-space-size=16 /opt/portkey/scan-ways.cjs
 */
import { readFileSync } from 'node:fs';

import { asPortkeyError, PortkeyError } from '../../../../libraries/errors/index.js';
import { systemClock } from '../../../../libraries/process/index.js';
import { formatBytes, parseBytes } from '../../../../libraries/units/index.js';
import { dirtyPages, ownPages, TwoWays, type Compared, type Meter } from './comparison.js';
import { holdMemory } from './held-memory.js';
import { HeldTask } from './held-task.js';
import { layouts, type Layout } from './layouts.js';
import { comparisonTable, type ComparedLayout } from './table.js';

const usage = `usage: node build/services/checkpoint/yardstick/scan-ways/main.js [SIZE] [PASSES]

Finds the pages of a task with SIZE of memory (1G, in whole MiB) PASSES times (9) in each way, in turn, after one time
that is not counted. Needs root. In a guest of the test bed it is /opt/portkey/scan-ways.cjs.
`;
const noSoftDirty =
  'this kernel keeps no soft-dirty bits (CONFIG_MEM_SOFT_DIRTY), so what is dirty was not asked for; the guests of the test bed do';

interface Request {
  readonly byteLength: number;
  readonly passes: number;
}

const meter: Meter = {
  cpuMs: () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  },
  wallMs: () => systemClock.monotonicMs(),
};

async function run(args: readonly string[]): Promise<void> {
  const [first, name, size] = args;
  if (args.includes('--help')) process.stdout.write(usage);
  else if (first === 'hold') holdMemory(layoutOf(name), Number(size));
  else await measure(requestIn(args), stopSignal());
}

async function measure(request: Request, signal: AbortSignal): Promise<void> {
  const found: ComparedLayout[] = [];
  for (const layout of layouts) found.push(await measureLayout(layout, request, signal));
  const questions = found.flatMap(({ compared }) => compared);
  const kernel = readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim();
  process.stdout.write(
    [
      `${formatBytes(request.byteLength)}, ${request.passes} passes in turn, Linux ${kernel}, ` +
        `${['node', process.version, ...process.execArgv].join(' ')}; milliseconds, medians`,
      comparisonTable(found),
      ...(questions.some(({ question }) => question === dirtyPages.name) ? [] : [noSoftDirty]),
      '',
    ].join('\n'),
  );
}

async function measureLayout(
  layout: Layout,
  { byteLength, passes }: Request,
  signal: AbortSignal,
): Promise<ComparedLayout> {
  const parts = { program: process.argv[1] ?? '', clock: systemClock, signal };
  await using task = await HeldTask.start(layout, byteLength, parts);
  using ways = new TwoWays(task.pid, meter);
  ways.clearDirty();
  await task.write();
  const { hugeBytes } = task;
  const compared: Compared[] = [];
  for (const question of ways.seesDirty() ? [ownPages, dirtyPages] : [ownPages]) {
    signal.throwIfAborted();
    compared.push(ways.compare(question, passes));
  }
  return { layout: layout.name, hugeBytes, compared };
}

function layoutOf(name: string | undefined): Layout {
  const layout = layouts.find((one) => one.name === name);
  if (layout !== undefined) return layout;
  throw new PortkeyError('invalid-argument', `there is no layout '${name ?? ''}'`);
}

function requestIn(args: readonly string[]): Request {
  const [size = '1G', passText = '9'] = args;
  const [byteLength, passes] = [parseBytes(size), Number(passText)];
  const isSize = byteLength > 0 && byteLength % 2 ** 20 === 0;
  if (args.length <= 2 && isSize && Number.isInteger(passes) && passes > 0) return { byteLength, passes };
  throw new PortkeyError(
    'invalid-argument',
    `'${args.join(' ')}' is not [SIZE] [PASSES], with SIZE in whole MiB`,
    { details: usage },
  );
}

function stopSignal(): AbortSignal {
  const stopping = new AbortController();
  const stop = (): void => stopping.abort(new PortkeyError('cancelled', 'stopped on request'));
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, stop);
  return stopping.signal;
}

// CommonJS in the guest: no await at the top.
run(process.argv.slice(2)).catch((thrown: unknown) => {
  const { message, details, exitCode } = asPortkeyError(thrown);
  process.stderr.write(details === undefined ? `${message}\n` : `${message}\n${details}\n`);
  process.exitCode = exitCode;
});
