/**
 * The demonstration: one workload that is migrated to and fro for ever, so that the dashboards have something to show.
 *
 *   run → Portkey there → Portkey back → CRIU there → CRIU back → Portkey there → …          (a pause after each)
 *
 * Both modes go both ways, so that each host is source and destination of each. It speaks through the command line, as
 * everybody does. A migration that fails is told, and the next one is tried all the same; where the workload is gone, because
 * its VM was started anew for instance, it is run again. Told to end, it has a migration that runs rolled back, and stops the
 * workload.
 */
import { z } from 'zod';

import { PortkeyError } from '../../../libraries/errors/index.js';
import type { Clock } from '../../../libraries/process/index.js';

/**
 * Runs `portkey` with these arguments and returns what it printed. Throws with its last line where it fails. When the signal
 * fires it interrupts the command, as Ctrl-C does.
 */
export type Portkey = (args: readonly string[], signal?: AbortSignal) => Promise<string>;

export interface DemoOptions {
  readonly container: string;
  readonly vms: readonly [string, string];
  readonly size: string;
  readonly writeRate: string;
  readonly pauseMs: number;
}

export interface DemoTools {
  readonly portkey: Portkey;
  readonly clock: Pick<Clock, 'sleep'>;
  readonly report: (line: string) => void;
}

const modes = ['portkey', 'portkey', 'criu', 'criu'] as const;
const containersSchema = z.array(z.object({ name: z.string(), vm: z.string() }));
const resultSchema = z.object({ outcome: z.string(), totalSeconds: z.number(), downtimeSeconds: z.number() });

/** Until the signal fires; the workload is gone then. */
export async function runDemo(options: DemoOptions, tools: DemoTools, signal: AbortSignal): Promise<void> {
  for (let leg = 0; !signal.aborted; leg += 1) {
    const mode = modes[leg % modes.length] ?? 'portkey';
    try {
      await migrateOnce(options, mode, tools, signal);
    } catch (error) {
      tools.report(error instanceof Error ? error.message : String(error));
    }
    await tools.clock.sleep(options.pauseMs, signal).catch(() => undefined);
  }
  if ((await vmOf(options.container, tools.portkey)) !== undefined)
    await tools.portkey(['stop', options.container]);
}

async function migrateOnce(
  { container, vms, size, writeRate }: DemoOptions,
  mode: (typeof modes)[number],
  { portkey, report }: DemoTools,
  signal: AbortSignal,
): Promise<void> {
  const [first, second] = vms;
  let at = await vmOf(container, portkey);
  if (at === undefined) {
    const workload = ['--workload', 'redis', '--size', size, '--write-rate', writeRate];
    await portkey(['run', first, container, ...workload]);
    report(`${container} runs in ${first}: ${size}, of which ${writeRate} a second are written`);
    at = first;
  }
  const to = at === first ? second : first;
  const printed = await portkey(['migrate', container, '--to', to, '--mode', mode, '--json'], signal);
  const { outcome, totalSeconds, downtimeSeconds } = resultSchema.parse(JSON.parse(printed));
  report(
    `${mode}: ${container} from ${at} to ${to}, ${outcome} in ${totalSeconds.toFixed(1)} s, ` +
      `${Math.round(downtimeSeconds * 1000)} ms of downtime`,
  );
}

/** Undefined where it is nowhere. */
async function vmOf(container: string, portkey: Portkey): Promise<string | undefined> {
  const parsed = containersSchema.safeParse(JSON.parse(await portkey(['ps', '--json'])));
  if (!parsed.success) throw new PortkeyError('internal', "'portkey ps --json' printed something else");
  return parsed.data.find(({ name }) => name === container)?.vm;
}
