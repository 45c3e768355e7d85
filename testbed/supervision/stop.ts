/**
 * Ends the test bed's processes: SIGTERM to all, then SIGKILL to those that stay.
 *
 * Each pid's marker is read again right before each signal. A pid that changes hands in the microseconds between
 * is not guarded against.
 */
import { PortkeyError } from '../../libraries/errors/index.js';
import type { Clock } from '../../libraries/process/index.js';
import { isMarked, markedProcesses } from './marker.js';

const graceMs = 3_000;
const killMs = 5_000;
const pollMs = 50;

export async function stopMarkedProcesses(runtime: string, clock: Clock): Promise<void> {
  await signalAll(runtime, 'SIGTERM');
  if (await goneWithin(graceMs, runtime, clock)) return;
  await signalAll(runtime, 'SIGKILL');
  if (await goneWithin(killMs, runtime, clock)) return;
  const left = await markedProcesses(runtime);
  throw new PortkeyError('testbed-failed', `processes ${left.join(', ')} do not end, not even by SIGKILL`);
}

async function signalAll(runtime: string, signal: NodeJS.Signals): Promise<void> {
  for (const pid of await markedProcesses(runtime)) {
    if (await isMarked(pid, runtime)) send(pid, signal);
  }
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

async function goneWithin(milliseconds: number, runtime: string, clock: Clock): Promise<boolean> {
  const end = clock.monotonicMs() + milliseconds;
  while ((await markedProcesses(runtime)).length > 0) {
    if (clock.monotonicMs() > end) return false;
    await clock.sleep(pollMs);
  }
  return true;
}
