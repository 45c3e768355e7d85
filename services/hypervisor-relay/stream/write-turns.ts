/**
 * Turns at writing an object for the threads that receive one migration's streams: who has to wait sleeps.
 *
 *     0 free ──take──▶ 1 taken ──another waits──▶ 2 taken, waited for ──give back──▶ 0 free, one is woken
 *
 * The kernel lets one writer at a time into a file, and most of a container is one object. Threads that wait there
 * spin, and their CPU is lost.
 *
 * Nothing rests on a turn but that. So objects whose numbers are alike share one, and one that is not given back,
 * because its thread crashed, is taken from it after `patienceMs`.
 */
const patienceMs = 100;
const turnCount = 16;
const free = 0;
const taken = 1;
const waitedFor = 2;

export class WriteTurns {
  private readonly states: Int32Array;

  /** `shared` is another thread's of the same landing. */
  constructor(readonly shared = new SharedArrayBuffer(turnCount * Int32Array.BYTES_PER_ELEMENT)) {
    this.states = new Int32Array(shared);
  }

  /** Waits for the object's turn, writes, and gives it back. */
  write(object: number, act: () => void): void {
    const turn = object % turnCount;
    this.take(turn);
    try {
      act();
    } finally {
      if (Atomics.exchange(this.states, turn, free) === waitedFor) Atomics.notify(this.states, turn, 1);
    }
  }

  private take(turn: number): void {
    if (Atomics.compareExchange(this.states, turn, free, taken) === free) return;
    while (Atomics.exchange(this.states, turn, waitedFor) !== free) {
      if (Atomics.wait(this.states, turn, waitedFor, patienceMs) === 'timed-out') return;
    }
  }
}
