/**
 * Callbacks → async iterable. Only the newest message waits: progress that nobody has read yet is out of date. What
 * comes sooner after the beginning, or a message, than `everyMs` is left out, also if nothing comes after it for a while: a gRPC message
 * costs an emulated guest more than a SEND, and what came of it all is told in another way.
 */
import type { Clock } from '../../libraries/process/index.js';

export interface ProgressStream<T> {
  readonly push: (message: T) => void;
  readonly end: () => void;
  readonly messages: AsyncGenerator<T>;
}

export function progressStream<T>(clock: Pick<Clock, 'monotonicMs'>, everyMs: number): ProgressStream<T> {
  let lastMs = clock.monotonicMs();
  let newest: T | undefined;
  let ended = false;
  let wake: () => void = () => undefined;
  async function* read(): AsyncGenerator<T> {
    for (;;) {
      const message = newest;
      newest = undefined;
      if (message !== undefined) yield message;
      else if (ended) return;
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  }
  return {
    push: (message) => {
      const nowMs = clock.monotonicMs();
      if (nowMs - lastMs < everyMs) return;
      lastMs = nowMs;
      newest = message;
      wake();
    },
    end: () => {
      ended = true;
      wake();
    },
    messages: read(),
  };
}
