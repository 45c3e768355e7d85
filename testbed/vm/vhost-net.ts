/** Whether a VM's network card can be served by the host's kernel instead of QEMU. */
import { access, constants } from 'node:fs/promises';

export function hasVhostNet(): Promise<boolean> {
  return access('/dev/vhost-net', constants.R_OK | constants.W_OK).then(
    () => true,
    () => false,
  );
}
