/** The controller's configuration. */
import { z } from 'zod';

import { commonConfig, identityName } from '../../libraries/service/index.js';
import { defaultLimits } from './limits.js';

const address = z.string().regex(/^(unix:\/.+|.+:\d+)$/, 'write host:port or unix:/path');

/** When pages may go by CRIU's page server, which neither encrypts nor asks who sends: also in place of Portkey mode, where that was asked for, or never. */
const criuModeRule = z.enum(['fallback', 'asked', 'never']);

const milliseconds = z.number().int().positive();

const vm = z.strictObject({
  name: identityName,
  host: identityName,
  /** Where its checkpoint service listens. */
  checkpoint: address,
  /** Where its restore service listens, which also runs and lists its containers. */
  restore: address,
  /** Where its host's hypervisor-relay listens. */
  relay: address,
  /** Containers move within their group only: a VM has all of a container's memory once it has the container. */
  group: identityName.default('default'),
});

/** Of Redis' access control; the file has the password and nothing else. */
const redisLogin = {
  user: z.string().min(1).optional(),
  passwordFile: z.string().startsWith('/', 'write an absolute path').optional(),
};

export type VmConfig = z.infer<typeof vm>;
export type CriuModeRule = z.infer<typeof criuModeRule>;

export const configSchema = z.strictObject({
  ...commonConfig,
  redis: z.union([
    z.strictObject({ path: z.string().min(1), ...redisLogin }),
    z.strictObject({ host: z.string().min(1), port: z.number().int().min(1).max(65535), ...redisLogin }),
  ]),
  /** In place of the defaults (limits.ts). */
  limits: z
    .strictObject({
      stepMs: milliseconds.default(defaultLimits.stepMs),
      undoCallMs: milliseconds.default(defaultLimits.undoCallMs),
      undoPatienceMs: milliseconds.default(defaultLimits.undoPatienceMs),
    })
    .prefault({}),
  /** Addresses for containers that ask for none, both ends included. */
  containerAddresses: z.strictObject({
    first: z.ipv4(),
    last: z.ipv4(),
    prefix: z.number().int().min(8).max(30),
  }),
  /** How many migrations a host takes part in at once, as source or as destination; the same for all controllers. */
  migrationsPerHost: z.number().int().min(1).default(2),
  criuMode: criuModeRule.default('fallback'),
  vms: z
    .array(vm)
    .min(1)
    .refine((vms) => new Set(vms.map(({ name }) => name)).size === vms.length, 'two VMs have the same name'),
});

export type ControllerConfig = z.infer<typeof configSchema>;
