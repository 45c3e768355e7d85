/**
 * virtiofsd, the host's half of the share that a guest sees: one process (with helpers) a VM.
 *
 * Without caching in the guest, so that a file which the relay writes on the host is at once what the guest reads.
 * Two programs have this name: QEMU's own in C (Debian bookworm) and its successor in Rust (trixie).
 */
import path from 'node:path';

import { PortkeyError } from '../../libraries/errors/index.js';
import { exists } from '../image/temporary.js';

export interface VirtiofsdProgram {
  readonly path: string;
  readonly language: 'c' | 'rust';
}

const programs: readonly VirtiofsdProgram[] = [
  { path: '/usr/libexec/virtiofsd', language: 'rust' },
  { path: '/usr/lib/qemu/virtiofsd', language: 'c' },
];

/** Throws `missing-program`. */
export async function findVirtiofsd(): Promise<VirtiofsdProgram> {
  for (const program of programs) if (await exists(program.path)) return program;
  throw new PortkeyError(
    'missing-program',
    `virtiofsd is missing (looked for ${programs.map((program) => program.path).join(', ')}); ` +
      'run scripts/install-packages.sh',
  );
}

export function virtiofsdCommand(program: VirtiofsdProgram, socket: string, folder: string): string[] {
  const shared = path.resolve(folder);
  return program.language === 'rust'
    ? [program.path, `--socket-path=${socket}`, `--shared-dir=${shared}`, '--cache=never']
    : [program.path, `--socket-path=${socket}`, '-f', '-o', `source=${shared}`, '-o', 'cache=none'];
}
