/** Commands in the guests, with a deadline: a guest that is part of a fault must not hold up the look at the others. */
import { exec } from '../../testbed/index.js';
import { collector } from '../../cli/collector.js';

const deadlineMs = 10_000;

/** What a shell prints on stdout. Throws where the guest does not answer, or the command fails. */
export async function inGuest(vm: string, command: string): Promise<string> {
  const [stdout, stderr] = [collector(), collector()];
  const streams = { stdout: stdout.stream, stderr: stderr.stream, deadlineMs };
  const exitCode = await exec(vm, ['sh', '-c', command], streams);
  if (exitCode !== 0) throw new Error(`${vm}: '${command}' ended with ${exitCode}: ${stderr.text()}`);
  return stdout.text();
}
