/** What the programs of the landing experiment have in common. */
import { z } from 'zod';

/** What HELLO names: the experiment has one stream at a time. */
export const yardstickMigration = 'yardstick';

export const vmSchema = z.object({ name: z.string(), qmpSocket: z.string(), ramFile: z.string() });

/** What whoever started this program reads: one line of JSON. */
export function printLine(value: object): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** What a piece of work takes this process, all of its threads. */
export function stopwatch(): () => { cpuSeconds: number; seconds: number } {
  const cpu = process.cpuUsage();
  const startMs = performance.now();
  return () => {
    const { user, system } = process.cpuUsage(cpu);
    return { cpuSeconds: (user + system) / 1e6, seconds: (performance.now() - startMs) / 1000 };
  };
}
