/**
 * The events of one running migration, for any number of followers in this process: each sees all of them from
 * the first on, and then ends with it. A follower that goes away disturbs nobody.
 */
export class Feed<T> {
  private readonly items: T[] = [];
  private readonly waiting = new Set<() => void>();
  private ended = false;

  push(item: T): void {
    this.items.push(item);
    this.wakeAll();
  }

  end(): void {
    this.ended = true;
    this.wakeAll();
  }

  async *follow(signal?: AbortSignal): AsyncGenerator<T> {
    const wakeOnAbort = (): void => this.wakeAll();
    signal?.addEventListener('abort', wakeOnAbort, { once: true });
    try {
      for (let next = 0; ; next++) {
        while (next >= this.items.length) {
          if (this.ended || signal?.aborted === true) return;
          await new Promise<void>((resolve) => this.waiting.add(resolve));
        }
        const item = this.items[next];
        if (item !== undefined) yield item;
      }
    } finally {
      signal?.removeEventListener('abort', wakeOnAbort);
    }
  }

  private wakeAll(): void {
    const woken = [...this.waiting];
    this.waiting.clear();
    for (const wake of woken) wake();
  }
}
