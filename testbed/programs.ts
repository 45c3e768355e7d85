/**
 * The host programs that the test bed calls, and a check that all are there, before anything is touched.
 */
import path from 'node:path';

import { PortkeyError } from '../libraries/errors/index.js';
import { exists } from './image/temporary.js';
import { findVirtiofsd } from './vm/virtiofsd.js';

/** Each with the Debian package that has it: scripts/install-packages.sh installs those. */
const imagePrograms = {
  'apt-ftparchive': 'apt-utils',
  chroot: 'coreutils',
  debugfs: 'e2fsprogs',
  mke2fs: 'e2fsprogs',
  mmdebstrap: 'mmdebstrap',
  tar: 'tar',
} as const;

const bedPrograms = {
  ...imagePrograms,
  ip: 'iproute2',
  openssl: 'openssl',
  'qemu-img': 'qemu-utils',
  'qemu-system-x86_64': 'qemu-system-x86',
  'redis-server': 'redis-server',
  setpriv: 'util-linux',
  tc: 'iproute2',
} as const;

/** Throws `missing-program`, naming all that are missing. */
export async function requirePrograms(env: NodeJS.ProcessEnv): Promise<void> {
  await requireAll(bedPrograms, env);
  await findVirtiofsd();
}

/** The same of what the guest image alone is made with. */
export async function requireImagePrograms(env: NodeJS.ProcessEnv): Promise<void> {
  await requireAll(imagePrograms, env);
}

async function requireAll(programs: Readonly<Record<string, string>>, env: NodeJS.ProcessEnv): Promise<void> {
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
}
