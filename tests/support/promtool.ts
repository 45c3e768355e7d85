/** promtool, as Debian has it or another. */
import { spawnSync } from 'node:child_process';

/** All that it says, and its exit code. Throws where it is not there. */
export function promtool(args: readonly string[], input = ''): { status: number | null; output: string } {
  const { error, status, stdout, stderr } = spawnSync('promtool', args, { input, encoding: 'utf8' });
  if (error === undefined) return { status, output: stdout + stderr };
  if (!('code' in error) || error.code !== 'ENOENT') throw error;
  const wayOut = 'bash scripts/install-packages.sh --with-promtool';
  throw new Error(`there is no promtool on PATH; it is in Debian's package prometheus: ${wayOut}`, {
    cause: error,
  });
}
