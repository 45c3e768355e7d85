/**
 * A question that costs others something, and that many ask at the same time: it is put once at a time, and its answer is for all
 * that had asked before it was put. Who asks while it is under way waits for the next one, since what that one knows may be
 * older than what is asked about.
 */
export class OneAtATime<T> {
  private under: Promise<void> = Promise.resolve();
  private next: Promise<T> | undefined;

  constructor(private readonly put: () => Promise<T>) {}

  ask(): Promise<T> {
    if (this.next !== undefined) return this.next;
    const asked = this.under.then(() => {
      this.next = undefined;
      return this.put();
    });
    this.next = asked;
    this.under = asked.then(
      () => undefined,
      () => undefined,
    );
    return asked;
  }
}
