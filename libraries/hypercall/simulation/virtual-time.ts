/**
 * Time for a SIMULATION: a queue of events, and a clock that jumps from one to the next.
 *
 * Code under simulation is the real code, promises and all. So after each event everything that it made ready runs
 * before the next one; nothing waits for real time. Events of the same time come in the order in which they were
 * planned, so a run is the same each time.
 */
import { setImmediate } from 'node:timers/promises';

interface Event {
  readonly atUs: number;
  readonly order: number;
  readonly happen: () => void;
}

export class VirtualTime {
  private nowUs = 0;
  private planned = 0;
  /** A binary heap, the next event first. */
  private readonly heap: Event[] = [];

  get us(): number {
    return this.nowUs;
  }

  monotonicMs(): number {
    return this.nowUs / 1000;
  }

  at(atUs: number, happen: () => void): void {
    this.planned += 1;
    this.push({ atUs: Math.max(atUs, this.nowUs), order: this.planned, happen });
  }

  until(atUs: number): Promise<void> {
    return new Promise((resolve) => this.at(atUs, resolve));
  }

  /** Runs until `work` has ended. Throws what it throws, and where it waits for something that never comes. */
  async run<T>(work: Promise<T>): Promise<T> {
    const state = { over: false };
    const ended = work.finally(() => (state.over = true));
    ended.catch(() => undefined);
    for (;;) {
      await setImmediate();
      if (state.over) return ended;
      const event = this.pop();
      if (event === undefined) throw new Error(`deadlock: nothing is to happen after ${this.nowUs} µs`);
      this.nowUs = event.atUs;
      event.happen();
    }
  }

  private push(event: Event): void {
    this.heap.push(event);
    let at = this.heap.length - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.isBefore(at, parent)) break;
      this.swap(at, parent);
      at = parent;
    }
  }

  private pop(): Event | undefined {
    const first = this.heap[0];
    const last = this.heap.pop();
    if (first === undefined || last === undefined || this.heap.length === 0) return first;
    this.heap[0] = last;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      if (left >= this.heap.length) break;
      const child = left + 1 < this.heap.length && this.isBefore(left + 1, left) ? left + 1 : left;
      if (!this.isBefore(child, at)) break;
      this.swap(child, at);
      at = child;
    }
    return first;
  }

  private isBefore(one: number, other: number): boolean {
    const [a, b] = [this.heap[one], this.heap[other]];
    if (a === undefined || b === undefined) return false;
    return a.atUs < b.atUs || (a.atUs === b.atUs && a.order < b.order);
  }

  private swap(one: number, other: number): void {
    const [a, b] = [this.heap[one], this.heap[other]];
    if (a === undefined || b === undefined) return;
    this.heap[one] = b;
    this.heap[other] = a;
  }
}
