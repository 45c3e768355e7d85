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

/** How many ids there are, but for the one that stands for none. */
const everyId = 2 ** 32 - 1;

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

/**
 * `owner`: an ordinary user as whom it runs in a container, which is sandbox enough. It cannot make files for others, so
 * that whatever the guest makes is this user's, and belongs to root in the guest's eyes. Only the program in Rust can that.
 */
export function virtiofsdCommand(
  program: VirtiofsdProgram,
  socket: string,
  folder: string,
  owner?: number,
): string[] {
  const shared = path.resolve(folder);
  if (owner !== undefined && program.language !== 'rust')
    throw new PortkeyError('missing-program', `${program.path} is too old to run as an ordinary user`);
  const unprivileged =
    owner === undefined
      ? []
      : [
          '--sandbox=none',
          ...['uid', 'gid'].map((kind) => `--translate-${kind}=squash-guest:0:${owner}:${everyId}`),
          ...['uid', 'gid'].map((kind) => `--translate-${kind}=squash-host:${owner}:0:1`),
        ];
  return program.language === 'rust'
    ? [program.path, `--socket-path=${socket}`, `--shared-dir=${shared}`, '--cache=never', ...unprivileged]
    : [program.path, `--socket-path=${socket}`, '-f', '-o', `source=${shared}`, '-o', 'cache=none'];
}
