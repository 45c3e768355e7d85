/**
 * A session's counters, shared by the threads that move its bytes and the one that is asked for them.
 */
const names = ['pages', 'zeroPages', 'bytes', 'starvedUs'] as const;
type CounterName = (typeof names)[number];

export class Counters {
  private readonly values: BigInt64Array;

  constructor(readonly shared = new SharedArrayBuffer(names.length * 8)) {
    this.values = new BigInt64Array(shared);
  }

  add(name: CounterName, amount: number): void {
    Atomics.add(this.values, names.indexOf(name), BigInt(Math.round(amount)));
  }

  get(name: CounterName): number {
    return Number(Atomics.load(this.values, names.indexOf(name)));
  }
}
