/**
 * One at a time of those with the same name, in the order in which they came; those of different names do not wait for one
 * another. Whatever one of them ends with, the next has its turn.
 */
export class Turns {
  private readonly last = new Map<string, Promise<void>>();

  async take<T>(name: string, work: () => Promise<T>): Promise<T> {
    const before = this.last.get(name) ?? Promise.resolve();
    const working = before.then(work);
    const over = working.then(
      () => undefined,
      () => undefined,
    );
    this.last.set(name, over);
    try {
      return await working;
    } finally {
      if (this.last.get(name) === over) this.last.delete(name);
    }
  }
}
