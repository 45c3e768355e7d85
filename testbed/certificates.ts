/**
 * Who is who in the test bed: certificates for everybody, made at each `up` and gone with it.
 *
 * Those on this machine are files of the runtime folder, which is closed to other users. A guest gets its own, and no
 * others, on a small disk: ca.pem, and NAME.pem and NAME.key of checkpoint, restore and guest.
 */
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';

import { filesOf, makeCertificates, nameOf } from '../libraries/certificates/index.js';
import { runChecked, type RunCommand } from '../libraries/process/index.js';
import { readSecurity, type Identity, type Security } from '../libraries/rpc/index.js';
import { hostIdentities } from './identities.js';
import type { VmPlace } from './topology.js';

const defaultDays = 30;
const identityDiskKiB = 2_048;
/** Of the services in a guest. */
export const guestRoles = ['checkpoint', 'restore', 'guest'] as const;

/** As whom commands of this machine speak. Throws `invalid-argument` where the test bed has none. */
export function operatorOf(certificates: string): Security {
  return readSecurity(filesOf(certificates, hostIdentities.operator));
}

/** In `folder`. `others`: VMs that are not the test bed's own. `days`: how long they are valid, where it is not a month. */
export async function makeBedCertificates(
  vms: readonly Pick<VmPlace, 'name' | 'host'>[],
  others: readonly string[],
  folder: string,
  run: RunCommand,
  days = defaultDays,
): Promise<void> {
  const names = [...vms.map(({ name }) => name), ...others];
  const guests = names.map((name): Identity => ({ role: 'guest', name }));
  await makeCertificates(
    {
      folder,
      vms: names,
      hosts: vms.map(({ host }) => host),
      others: [...guests, hostIdentities.workload],
      days,
      renew: false,
    },
    run,
  );
}

/** The disk from which the guest `name` takes its certificates, which are in `folder`. */
export async function makeIdentityDisk(
  name: string,
  image: string,
  folder: string,
  run: RunCommand,
): Promise<void> {
  const content = await mkdtemp(path.join(path.dirname(image), '.identity-'));
  try {
    await copyFile(path.join(folder, 'ca.pem'), path.join(content, 'ca.pem'));
    for (const role of guestRoles)
      for (const end of ['pem', 'key'])
        await copyFile(
          path.join(folder, `${nameOf({ role, name })}.${end}`),
          path.join(content, `${role}.${end}`),
        );
    // prettier-ignore
    await runChecked(run, ['mke2fs', '-q', '-F', '-t', 'ext4', '-L', 'portkey-id', '-m', '0', '-O', '^has_journal',
                           '-E', 'root_owner=0:0', '-d', content, image, `${identityDiskKiB}k`]);
  } finally {
    await rm(content, { recursive: true, force: true });
  }
}
