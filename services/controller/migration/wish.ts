/**
 * What was asked for: a MigrateRequest, checked and with its defaults filled in; and as JSON in the record, so that any
 * controller can begin with it.
 */
import { z } from 'zod';

import { PortkeyError } from '../../../libraries/errors/index.js';
import type { MigrateRequest } from '../../../libraries/rpc/index.js';
import { checkContainerName } from '../containers/name.js';
import type { MigrationRecord } from '../state/index.js';

const defaultMaxDowntimeMs = 300;
const defaultMaxRounds = 8;
const mostRetries = 100;
const batchForms = /^(adaptive|fixed:[1-9]\d*)$/;

const wishSchema = z.object({
  id: z.string(),
  container: z.string(),
  /** The only VM that it may be taken from; empty for wherever it runs. */
  from: z.string().default(''),
  to: z.string(),
  mode: z.enum(['portkey', 'criu']),
  maxDowntimeSeconds: z.number(),
  maxRounds: z.number(),
  /** 0: no cap. */
  bytesPerSecond: z.number(),
  batch: z.string(),
  /** Whether the container may be slowed down where its pages would not settle. */
  throttle: z.boolean(),
  /** Whether digests of all pages, as frozen and as landed, are compared before the commit. */
  verify: z.boolean(),
  /** How often it may still be tried again, */
  retries: z.number(),
  /** and the how manieth try this one is. */
  tries: z.number(),
});

export type Wish = Readonly<z.infer<typeof wishSchema>>;

/** Throws `invalid-argument`. */
export function wishOf(id: string, request: MigrateRequest, from = ''): Wish {
  checkContainerName(request.container);
  if (request.to === '') throw new PortkeyError('invalid-argument', 'name the VM to migrate to');
  const batch = request.batch === '' ? 'adaptive' : request.batch;
  if (!batchForms.test(batch)) {
    throw new PortkeyError('invalid-argument', `'${batch}' is no batch size; write adaptive or fixed:N`);
  }
  if (request.retries > mostRetries) {
    throw new PortkeyError(
      'invalid-argument',
      `${request.retries} retries are too many; ask for ${mostRetries} at most`,
    );
  }
  return {
    id,
    container: request.container,
    from,
    to: request.to,
    mode: request.mode === 'MODE_CRIU' ? 'criu' : 'portkey',
    maxDowntimeSeconds: (request.maxDowntimeMs || defaultMaxDowntimeMs) / 1000,
    maxRounds: request.maxRounds || defaultMaxRounds,
    bytesPerSecond: request.bytesPerSecond,
    batch,
    throttle: request.throttle,
    verify: request.verify,
    retries: request.retries,
    tries: 1,
  };
}

/** What the record says was asked for; undefined in one of a controller that did not write it down. */
export function wishIn({ wish }: MigrationRecord): Wish | undefined {
  return wish === '' ? undefined : wishSchema.parse(JSON.parse(wish));
}
