/**
 * One migration as data: the document of `migrate --json`, and the entries of report.json and bench.json.
 *
 * docs/report.md describes it. The controller fills in everything it can know; `workload`, `verified`,
 * `clientPauseSeconds` and `connectionKept` are the command line's, from the workload's client. Fields that a later
 * controller adds are kept as they are.
 */
import { z } from 'zod';

import { PortkeyError } from '../../libraries/errors/index.js';

const seconds = z.number().min(0);
const count = z.number().int().min(0);

const cpuSchema = z.looseObject({
  total: z.number(),
  transfer: z.number(),
  byPhase: z.looseObject({ precopy: z.number(), final: z.number(), restore: z.number() }),
  byComponent: z.looseObject({
    vm: z.number(),
    relay: z.number(),
    virtiofsd: z.number(),
    vhost: z.number(),
  }),
  idle: z.number(),
});

const guestStepSchema = z.looseObject({ agent: z.number(), programs: z.number() });

/** Reports of controllers that did not ask the agents have none. */
const guestCpuSchema = guestStepSchema
  .extend({ byStep: z.record(z.string(), guestStepSchema) })
  .nullable()
  .default(null);

const roundSchema = z.looseObject({
  index: count,
  pages: count,
  bytes: count,
  seconds,
  dirtyPagesAfter: count,
  hypercalls: count,
  /** The round that the container spends frozen. */
  last: z.boolean().optional(),
  /** Of the source's agent; reports of older ones have none. */
  agentCpuSeconds: z.looseObject({ scan: z.number(), hypercalls: z.number() }).nullable().optional(),
});

const workloadSchema = z.looseObject({
  name: z.string(),
  memoryBytes: z.number(),
  writeBytesPerSecond: z.number(),
});

const digestCostSchema = z.looseObject({ seconds, cpuSeconds: z.number() });

const pageDigestSchema = z.looseObject({
  alike: z.boolean(),
  pages: count,
  bytes: count,
  /** Of shared memory, which are not compared. */
  sharedPages: count,
  seconds,
  source: digestCostSchema,
  destination: digestCostSchema,
});

export const outcomes = ['completed', 'rolled-back', 'refused', 'failed'] as const;

const reportSchema = z.looseObject({
  id: z.string(),
  mode: z.enum(['portkey', 'criu']),
  container: z.string(),
  from: z.string(),
  to: z.string(),
  /** null while it runs. */
  outcome: z.enum(outcomes).nullable(),
  error: z.looseObject({ code: z.string(), message: z.string() }).nullable(),
  /** Ids of the migration that this one tries again, and of the one that tries this one again. */
  retryOf: z.string().nullable().default(null),
  retriedBy: z.string().nullable().default(null),
  workload: workloadSchema.nullable().default(null),
  verified: z.boolean().nullable().default(null),
  clientPauseSeconds: seconds.nullable().default(null),
  connectionKept: z.boolean().nullable().default(null),
  totalSeconds: seconds,
  /** null where the container was never frozen. */
  downtimeSeconds: seconds.nullable(),
  rounds: z.array(roundSchema),
  pagesSent: count,
  /** Those of pagesSent that the relay only named; null in criu mode, or before all has landed. */
  zeroPages: count.nullable().default(null),
  /** As if zero pages had been sent; `landed` has what was. */
  bytesSent: count,
  /** What the destination's relay received; null in criu mode, or before all has landed. */
  landed: z.looseObject({ pages: count, bytes: count }).nullable().default(null),
  /** What `--verify` found and took; null without, or where it did not come to that. */
  pageDigest: pageDigestSchema.nullable().default(null),
  hypercalls: count,
  phases: z.array(z.looseObject({ name: z.string(), seconds })),
  steps: z
    .array(z.looseObject({ name: z.string(), phase: z.string(), startSeconds: seconds, seconds }))
    .default([]),
  cpuSeconds: z.looseObject({ source: cpuSchema.nullable(), destination: cpuSchema.nullable() }),
  guestCpuSeconds: z
    .looseObject({ source: guestCpuSchema, destination: guestCpuSchema })
    .default({ source: null, destination: null }),
});

export type MigrationReport = z.infer<typeof reportSchema>;
export type CpuReport = z.infer<typeof cpuSchema>;
export type RoundReport = z.infer<typeof roundSchema>;

/** Reads the controller's JSON. Throws `internal` where it is not a report. */
export function parseReport(text: string): MigrationReport {
  const result = reportSchema.safeParse(JSON.parse(text));
  if (result.success) return result.data;
  const problems = result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  throw new PortkeyError(
    'internal',
    `the controller's report has another shape than expected (is it of another version?): ${problems.join('; ')}`,
  );
}

/** 0 done, 1 failed or rolled back, 3 refused. */
export function exitCodeOf(report: MigrationReport): 0 | 1 | 3 {
  if (report.outcome === 'completed') return 0;
  return report.outcome === 'refused' ? 3 : 1;
}

/** The error's one line; undefined where there was none. */
export function errorText(report: MigrationReport): string | undefined {
  return report.error?.message;
}
