/**
 * Installs the Debian packages that the test bed needs, by the same script that people run by hand.
 */
import { spawn } from 'node:child_process';

import { PortkeyError } from '../../libraries/errors/index.js';
import { projectFile } from '../../testbed/paths.js';
import type { Output } from '../output.js';

const script = projectFile('scripts/install-packages.sh');

/** What the script says goes to stderr. Throws `missing-program`, or `cancelled` when the signal fires. */
export async function installPackages(output: Output, signal: AbortSignal): Promise<void> {
  const child = spawn('bash', [script], { stdio: ['ignore', 'pipe', 'pipe'] });
  const stop = (): boolean => child.kill('SIGTERM');
  signal.addEventListener('abort', stop, { once: true });
  try {
    // Not piped: a pipe stops reading when stderr breaks, and the script would wait for its reader for ever.
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (text: Buffer) => output.stderr.write(text));
    const exitCode = await new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => resolve(code ?? 1));
    });
    if (signal.aborted) throw new PortkeyError('cancelled', 'stopped while packages were being installed');
    if (exitCode !== 0)
      throw new PortkeyError(
        'missing-program',
        'the Debian packages that the test bed needs cannot be installed; what apt said stands above',
      );
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
