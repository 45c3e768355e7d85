/**
 * CRIU mode: whether a VM may send images of a migration here. They are root's to restore, and take this VM's memory.
 */
import { PortkeyError } from '../../libraries/errors/index.js';
import type { Identity } from '../../libraries/rpc/index.js';
import type { ContainerStore } from '../../libraries/runtime/index.js';

/**
 * What Prepare was told that the container has. Throws `stale-epoch` where none arrives here by this migration,
 * `not-permitted` where it does not come from the caller's VM (an agent can have got the id of another's migration to know), and
 * `transition-refused` where it takes no images: not in Portkey mode, for which its room was counted once, nor once it is restored.
 */
export async function announcedBytesFrom(
  store: ContainerStore,
  caller: Identity | undefined,
  migrationId: string,
): Promise<number> {
  const claims = (await store.names()).map((name) => ({ name, claim: store.claimOf(name) }));
  const found = claims.find(
    ({ claim }) => claim?.role === 'destination' && claim.migrationId === migrationId,
  );
  if (found?.claim === undefined)
    throw new PortkeyError('stale-epoch', `no container arrives here by migration ${migrationId}`);
  const { name, claim } = found;
  if (caller !== undefined && caller.name !== claim.sourceVm) {
    throw new PortkeyError(
      'not-permitted',
      `migration ${migrationId} comes from ${claim.sourceVm ?? 'an unknown VM'}, not from ${caller.name}`,
    );
  }
  if (claim.mode !== 'MODE_CRIU') {
    throw new PortkeyError(
      'transition-refused',
      `container '${name}' arrives by migration ${migrationId} in Portkey mode, in which its images come by way of the relays; send them there`,
    );
  }
  if (store.hasReached(name, 'restored')) {
    throw new PortkeyError(
      'transition-refused',
      `container '${name}' is restored from the images that migration ${migrationId} has sent; it takes no more of them`,
    );
  }
  return claim.expectedBytes ?? 0;
}
