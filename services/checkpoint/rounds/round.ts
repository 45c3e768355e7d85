/** What both modes' rounds have in common. */
import type { RoundProgress, RoundResult } from '../../../libraries/rpc/index.js';

export type ProgressListener = (progress: Omit<RoundProgress, 'result'>) => void;

export interface RoundOptions {
  readonly index: number;
  /** The container is frozen, and nothing may be left to send afterwards. */
  readonly last: boolean;
  readonly onProgress: ProgressListener;
  readonly signal: AbortSignal;
}

export const emptyResult: RoundResult = {
  pages: 0,
  bytes: 0,
  hypercalls: 0,
  dirtyPagesAfter: 0,
  pagesMoved: 0,
  scanSeconds: 0,
  seconds: 0,
  pausedSeconds: 0,
  taskCount: 0,
  feedback: '',
  frozenDirty: null,
  cpu: { scanSeconds: 0, hypercallSeconds: 0 },
};
