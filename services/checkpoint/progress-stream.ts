/**
 * Callbacks → async iterable. Only the newest message waits: progress that nobody has read yet is out of date.
 */
export interface ProgressStream<T> {
  readonly push: (message: T) => void;
  readonly end: () => void;
  readonly messages: AsyncGenerator<T>;
}

export function progressStream<T>(): ProgressStream<T> {
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
