/**
 * A program of a container: settings from the environment, one line on stderr if it fails, exit codes as everywhere.
 */
import { z } from 'zod';

import { asPortkeyError, PortkeyError } from '../../libraries/errors/index.js';

/** Runs `main`, and tells in one line what it throws. `name`: who says it. */
export async function runProgram(name: string, main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    const { code, message, details, exitCode } = asPortkeyError(error);
    process.stderr.write(`${name}: ${message}\n`);
    // Whose stack somebody will want to see. What is foreseen says all in its one line.
    if (code === 'internal' && details !== undefined) process.stderr.write(`${details.trimEnd()}\n`);
    process.exitCode = exitCode;
  }
}

/** Fires when the engine, or somebody at a terminal, tells the program to end. */
export function endSignal(): AbortSignal {
  const end = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => end.abort());
  return end.signal;
}

/** Compose sets a variable that nobody has set to nothing, which counts as not set. Throws `invalid-argument`. */
export function readEnvironment<T>(schema: z.ZodType<T>, env: NodeJS.ProcessEnv): T {
  const isSet = Object.entries(env).filter(([, value]) => value !== '');
  const result = schema.safeParse(Object.fromEntries(isSet));
  if (result.success) return result.data;
  const problems = result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new PortkeyError('invalid-argument', problems.join('; '));
}

/** A whole number, as text. */
export function wholeNumberText(minimum: number, maximum: number): z.ZodType<number> {
  return z.coerce.number({ error: 'write a whole number' }).int().min(minimum).max(maximum);
}
