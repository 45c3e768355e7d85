/** Versions for the state file and reports. */
import { runChecked, type RunCommand } from '../libraries/process/index.js';
import { qemuProgram } from './vm/qemu-command.js';

/** Debian's "1:1.1.15+ds1-2+b4" → "1.1.15": without epoch, repacking and Debian's revision. */
export function upstreamVersion(debianVersion: string | undefined): string {
  return debianVersion?.replace(/^\d+:/, '').replace(/[-+~].*$/, '') ?? 'unknown';
}

export async function qemuVersion(run: RunCommand): Promise<string> {
  const text = await runChecked(run, [qemuProgram, '--version']);
  return /version (\d+(?:\.\d+)*)/.exec(text)?.[1] ?? 'unknown';
}
