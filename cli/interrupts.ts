/**
 * Ctrl-C, and its relatives SIGTERM and SIGHUP, as something that a command can take over for a while.
 *
 * Without a handler the process ends as usual. Of several handlers only the last one that was set is called, so that
 * a step of a longer command can have its own way of stopping.
 */
export interface Interrupts {
  on(handler: () => void): Disposable;
}

/** What a process can be asked for signals: the part of `process` that is used here. */
export interface SignalSource {
  on(signal: NodeJS.Signals, listener: () => void): unknown;
  off(signal: NodeJS.Signals, listener: () => void): unknown;
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export class ProcessInterrupts implements Interrupts {
  private readonly handlers: (() => void)[] = [];

  constructor(private readonly source: SignalSource) {}

  on(handler: () => void): Disposable {
    if (this.handlers.length === 0) for (const signal of signals) this.source.on(signal, this.callLast);
    this.handlers.push(handler);
    return { [Symbol.dispose]: () => this.remove(handler) };
  }

  private readonly callLast = (): void => this.handlers.at(-1)?.();

  private remove(handler: () => void): void {
    const index = this.handlers.lastIndexOf(handler);
    if (index === -1) return;
    this.handlers.splice(index, 1);
    if (this.handlers.length === 0) for (const signal of signals) this.source.off(signal, this.callLast);
  }
}

/** The same, heard by `listener` too: it is called at each interrupt, before whoever has taken over. */
export function overheard(interrupts: Interrupts, listener: () => void): Interrupts {
  return {
    on: (handler) =>
      interrupts.on(() => {
        listener();
        handler();
      }),
  };
}

/** An abort signal that fires on the first interrupt, for work that only has to stop. */
export function abortOnInterrupt(interrupts: Interrupts): { signal: AbortSignal } & Disposable {
  const controller = new AbortController();
  const handler = interrupts.on(() => controller.abort());
  return { signal: controller.signal, [Symbol.dispose]: () => handler[Symbol.dispose]() };
}
