/**
 * A process in each VM that notes every second whether a copy of the container runs there: so nothing depends on the moments at
 * which somebody asks, nor on whether a VM can be asked then, as one that is cut off from the network cannot.
 *
 *     start ──▶ cut ──▶ (notes in /tmp) ──▶ mended ──▶ stop: notes of both VMs ──▶ moments at which both had a running copy
 *
 * It notes its VM's uptime, which no step of a clock changes; what the uptime is now, asked with the notes, puts all of them on
 * this machine's clock. That is exact to some tenths of a second, the time of a question. So one copy counts as running beside
 * another where it was seen to run when the other had run for half a second, and went on for another half. What is found are
 * two copies that run together for two seconds and more.
 *
 * Only a shell, which starts no process: it must be no load. It ends by itself where nobody stops it.
 */
import { randomUUID } from 'node:crypto';

import { copyFunctions } from './copies.js';
import type { Guests } from './guests.js';

/** On this machine's clock, and whether a copy ran then. */
export interface Sample {
  readonly atSeconds: number;
  readonly isRunning: boolean;
}

const filePrefix = '/tmp/copies-';
/** Ten minutes. */
const mostSamples = 600;
/** An uptime that was asked for is as old as the way back takes. */
const uncertainSeconds = 0.5;
/** A second, and what a busy VM adds. */
const gapSeconds = 4;

/** Waiting is reading what never comes. */
const script = (file: string, container: string): string => `${copyFunctions}
echo -1000 >/proc/$$/oom_score_adj
mkfifo ${file}.pipe && exec 9<>${file}.pipe
for ((count = 0; count < ${mostSamples}; count++)); do
  [ -e ${file}.on ] || break
  read -r uptime _ </proc/uptime
  look_at_copy ${container}
  echo "$uptime $state"
  read -r -t 1 -u 9
done >${file}`;

export class CopySampler {
  private constructor(
    private readonly guests: Guests,
    private readonly vm: string,
    private readonly file: string,
  ) {}

  static async start(guests: Guests, vm: string, container: string): Promise<CopySampler> {
    // A name of its own: one that nobody stopped goes on for a while.
    const file = `${filePrefix}${randomUUID()}`;
    const quoted = script(file, container).replaceAll("'", String.raw`'\''`);
    // What one before left is not wanted any more.
    await guests.ask(vm, `rm -f ${filePrefix}*; : >${file}.on; nohup bash -c '${quoted}' >/dev/null 2>&1 &`);
    return new CopySampler(guests, vm, file);
  }

  async stop(): Promise<Sample[]> {
    const { guests, vm, file } = this;
    const askedSeconds = performance.now() / 1000;
    const text = await guests.ask(
      vm,
      `rm -f ${file}.on; read -r now _ </proc/uptime; echo $now; cat ${file}`,
    );
    return samplesFrom(text, (askedSeconds + performance.now() / 1000) / 2);
  }
}

/** `text`: the VM's uptime, which is now, then lines of an uptime and a state. */
export function samplesFrom(text: string, nowSeconds: number): Sample[] {
  const [uptime = '', ...lines] = text.trim().split('\n');
  const bootSeconds = nowSeconds - Number(uptime);
  return lines.map((line) => {
    const [at = '', state] = line.split(' ');
    return { atSeconds: bootSeconds + Number(at), isRunning: state === 'running' };
  });
}

/** Times for which one ran, from the first to the last look that saw it. */
function runsOf(samples: readonly Sample[]): { fromSeconds: number; toSeconds: number }[] {
  const runs: { fromSeconds: number; toSeconds: number }[] = [];
  let run: (typeof runs)[number] | undefined;
  for (const { atSeconds, isRunning } of samples) {
    if (!isRunning) run = undefined;
    else if (run !== undefined && atSeconds - run.toSeconds <= gapSeconds) run.toSeconds = atSeconds;
    else runs.push((run = { fromSeconds: atSeconds, toSeconds: atSeconds }));
  }
  return runs;
}

/** When one of the two was seen to run while the other ran, too. */
export function momentsTogether(one: readonly Sample[], other: readonly Sample[]): number[] {
  const beside = (some: readonly Sample[], others: readonly Sample[]): number[] => {
    const runs = runsOf(others);
    const isWithin = (seconds: number): boolean =>
      runs.some(
        ({ fromSeconds, toSeconds }) =>
          fromSeconds + uncertainSeconds <= seconds && seconds <= toSeconds - uncertainSeconds,
      );
    return some
      .filter(({ atSeconds, isRunning }) => isRunning && isWithin(atSeconds))
      .map(({ atSeconds }) => atSeconds);
  };
  return [...beside(one, other), ...beside(other, one)].sort((a, b) => a - b);
}

/** The longest time between two of these moments without a sample. */
export function longestSilence(samples: readonly Sample[], fromSeconds: number, toSeconds: number): number {
  const within = samples
    .map(({ atSeconds }) => atSeconds)
    .filter((seconds) => fromSeconds < seconds && seconds < toSeconds);
  const times = [fromSeconds, ...within, toSeconds];
  return Math.max(...times.slice(1).map((seconds, index) => seconds - (times[index] ?? seconds)));
}
