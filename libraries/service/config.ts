/**
 * A service's configuration: one JSON file, named by `--config FILE`, checked against a zod schema.
 *
 * Every error is reported at once, each with the path of its value; unknown keys are errors, because a key with
 * a typing mistake would otherwise be a setting silently left at its default.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

import { z } from 'zod';

import { PortkeyError } from '../errors/index.js';
import { isName, nameRule } from '../rpc/index.js';

const file = z.string().startsWith('/', 'write an absolute path');

/** Of a VM or a host: one that a certificate can have. */
export const identityName = z.string().refine(isName, `write ${nameRule}`);

/** Fields that each service has. Addresses are "host:port" or "unix:/path". */
export const commonConfig = {
  /** Where gRPC listens. */
  listen: z.array(z.string().regex(/^(unix:\/.+|.+:\d+)$/, 'write host:port or unix:/path')).min(1),
  /** Where /metrics is served: "host:port"; port 0 takes a free one. */
  metrics: z.string().regex(/^.+:\d+$/, 'write host:port'),
  /** This service's files, made by `portkey certs`; or, for a network that nobody else is on, the word. */
  security: z.union([z.literal('insecure'), z.strictObject({ ca: file, certificate: file, key: file })]),
  logLevel: z.enum(['trace', 'debug', 'info', 'warn', 'error']).default('info'),
} as const;

export function loadConfig<T>(schema: z.ZodType<T>, argv: readonly string[]): T {
  const file = configFile(argv);
  const result = schema.safeParse(readJson(file));
  if (result.success) return result.data;
  const problems = result.error.issues.map((issue) => `${issue.path.join('.') || '(top)'}: ${issue.message}`);
  throw new PortkeyError('invalid-argument', `${file}: ${problems.join('; ')}`);
}

function configFile(argv: readonly string[]): string {
  const { values } = parseArgs({ args: [...argv], options: { config: { type: 'string' } } });
  if (values.config === undefined)
    throw new PortkeyError('invalid-argument', 'no configuration: pass --config FILE');
  return values.config;
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as unknown;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new PortkeyError('invalid-argument', `cannot read the configuration ${file}: ${reason}`, { cause });
  }
}
