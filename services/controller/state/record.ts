/**
 * The record of a migration: a Redis hash, everything in it text.
 *
 * It holds what a controller needs to finish or undo a migration that another one left behind, and what `migrations`
 * lists. Nothing in it is a lock or a counter but `state` and `epoch`, which only the scripts change.
 */
import { z } from 'zod';

import { PortkeyError } from '../../../libraries/errors/index.js';
import { isFinal, isMigrationState, type MigrationState } from './states.js';

export const migrationModes = ['portkey', 'criu'] as const;
export type MigrationMode = (typeof migrationModes)[number];

const recordSchema = z.object({
  id: z.string(),
  state: z.string().refine(isMigrationState),
  /** 0 until a controller begins with it. */
  epoch: z.coerce.number().int().nonnegative(),
  /** By which lock of its job it was raised the last time. */
  takenBy: z.string().default(''),
  container: z.string(),
  /** Empty until the container has been found. */
  from: z.string().default(''),
  to: z.string(),
  mode: z.enum(migrationModes),
  startedAt: z.string(),
  updatedAt: z.string().default(''),
  /** Which boots of their VMs have the two copies; empty until it was asked. */
  sourceBoot: z.string().default(''),
  destinationBoot: z.string().default(''),
  /** ISO 8601: since when the destination's copy runs; empty until somebody has heard of it. */
  activatedAt: z.string().default(''),
  /** JSON {code, message}: why it was aborted or refused. */
  reason: z.string().default(''),
  /** JSON of docs/report.md; a draft until the migration has ended. */
  report: z.string().default(''),
  /** The last event's line. */
  text: z.string().default(''),
  /** What could not be removed before the migration ended, for people; empty where nothing is left. */
  owed: z.string().default(''),
  /** JSON: what was asked for (migration/wish.ts). */
  wish: z.string().default(''),
  /** Id of the migration that this one tries again, and of the one that tries this one again. */
  retryOf: z.string().default(''),
  retriedBy: z.string().default(''),
});

export interface MigrationRecord extends z.infer<typeof recordSchema> {
  readonly state: MigrationState;
}

/** Reads what HGETALL returned; undefined where there is no such record. Throws `internal` on a broken one. */
export function parseRecord(hash: Record<string, string>): MigrationRecord | undefined {
  if (Object.keys(hash).length === 0) return undefined;
  const result = recordSchema.safeParse(hash);
  if (result.success) return result.data;
  const problems = result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  throw new PortkeyError(
    'internal',
    `the record of migration ${hash['id'] ?? '?'} in Redis is broken: ${problems.join('; ')}`,
  );
}

/** Whether nothing is left to be done about it. */
export function isSettled({ state, owed }: Pick<MigrationRecord, 'state' | 'owed'>): boolean {
  return isFinal(state) && owed === '';
}

export interface Reason {
  readonly code: string;
  readonly message: string;
}

const reasonSchema = z.object({ code: z.string(), message: z.string() });

/** Why the migration was aborted or refused, as its record says; undefined where it says nothing. */
export function reasonOf(record: MigrationRecord): Reason | undefined {
  if (record.reason === '') return undefined;
  return reasonSchema.parse(JSON.parse(record.reason));
}
