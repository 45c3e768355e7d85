/**
 * The configuration of a workload client's process; written by start.ts, read by main.ts.
 */
import { z } from 'zod';

import { commonConfig } from '../../libraries/service/index.js';

export const workloadConfig = z.strictObject({
  ...commonConfig,
  container: z.string().min(1),
  /** Where Redis in the container listens. */
  host: z.string().min(1),
  port: z.int().min(1).max(65535),
  memoryBytes: z.int().min(0),
  writeBytesPerSecond: z.number().min(0),
  connectWithinMs: z.int().min(0).default(60_000),
});

export type WorkloadConfig = z.infer<typeof workloadConfig>;
