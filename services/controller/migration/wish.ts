/**
 * A MigrateRequest, checked and with its defaults filled in. Throws `invalid-argument`.
 */
import { PortkeyError } from '../../../libraries/errors/index.js';
import type { MigrateRequest } from '../../../libraries/rpc/index.js';
import { checkContainerName } from '../containers/name.js';
import type { Wish } from './migration.js';

const defaultMaxDowntimeMs = 300;
const defaultMaxRounds = 8;
const batchForms = /^(adaptive|fixed:[1-9]\d*)$/;

export function wishOf(id: string, request: MigrateRequest): Wish {
  checkContainerName(request.container);
  if (request.to === '') throw new PortkeyError('invalid-argument', 'name the VM to migrate to');
  const batch = request.batch === '' ? 'adaptive' : request.batch;
  if (!batchForms.test(batch)) {
    throw new PortkeyError('invalid-argument', `'${batch}' is no batch size; write adaptive or fixed:N`);
  }
  return {
    id,
    container: request.container,
    to: request.to,
    mode: request.mode === 'MODE_CRIU' ? 'criu' : 'portkey',
    maxDowntimeSeconds: (request.maxDowntimeMs || defaultMaxDowntimeMs) / 1000,
    maxRounds: request.maxRounds || defaultMaxRounds,
    bytesPerSecond: request.bytesPerSecond,
    batch,
    throttle: request.throttle,
    verify: request.verify,
  };
}
