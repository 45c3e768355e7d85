/** A batch policy by its name on the command line. */
import { PortkeyError } from '../errors/index.js';
import { AdaptiveBatch } from './adaptive-batch.js';
import type { BatchPolicy } from './batch-policy.js';
import { FixedBatch } from './fixed-batch.js';
import { maxPagesPerSend } from './limits.js';

/** "adaptive" or "fixed:N". Throws `invalid-argument`. */
export function parseBatchPolicy(text: string): BatchPolicy {
  if (text === 'adaptive') return new AdaptiveBatch();
  const pages = Number(/^fixed:(\d{1,6})$/.exec(text)?.[1]);
  if (pages >= 1 && pages <= maxPagesPerSend) return new FixedBatch(pages);
  throw new PortkeyError(
    'invalid-argument',
    `'${text}' is not a batch policy; write adaptive or fixed:N with N from 1 to ${maxPagesPerSend}`,
  );
}
