/**
 * The host programs that the test bed calls, and a check that all are there, before anything is touched.
 */
import path from 'node:path';

import { PortkeyError } from '../libraries/errors/index.js';
import { exists } from './image/temporary.js';
import { findVirtiofsd } from './vm/virtiofsd.js';

/** Each with the Debian package that has it: scripts/install-packages.sh installs those. */
const programs = {
  'apt-ftparchive': 'apt-utils',
  chroot: 'coreutils',
  debugfs: 'e2fsprogs',
  ip: 'iproute2',
  mke2fs: 'e2fsprogs',
  mmdebstrap: 'mmdebstrap',
  openssl: 'openssl',
  'qemu-img': 'qemu-utils',
  'qemu-system-x86_64': 'qemu-system-x86',
  'redis-server': 'redis-server',
  setpriv: 'util-linux',
  tar: 'tar',
  tc: 'iproute2',
} as const;

/** Throws `missing-program`, naming all that are missing. */
export async function requirePrograms(env: NodeJS.ProcessEnv): Promise<void> {
  const folders = (env.PATH ?? '').split(':').filter(Boolean);
  const missing: string[] = [];
  for (const [program, debianPackage] of Object.entries(programs)) {
    const found = await Promise.all(folders.map((folder) => exists(path.join(folder, program))));
    if (!found.includes(true)) missing.push(`${program} (${debianPackage})`);
  }
  if (missing.length > 0)
    throw new PortkeyError(
      'missing-program',
      `missing programs: ${missing.join(', ')}; run scripts/install-packages.sh`,
    );
  await findVirtiofsd();
}
