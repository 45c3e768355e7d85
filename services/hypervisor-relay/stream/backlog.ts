/**
 * How many commands one sender's thread has yet to work off: counted up by the main thread, which posts them, and down by
 * the thread itself.
 *
 * A thread that waits for its destination takes no command, and the port that carries them has no end. So whoever lets
 * something be posted looks here first. Invariant: a command counts from before it is posted until it is begun.
 */
export class Backlog {
  private readonly value: Int32Array;

  /** `shared` is the other thread's. */
  constructor(readonly shared = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)) {
    this.value = new Int32Array(shared);
  }

  get length(): number {
    return Atomics.load(this.value, 0);
  }

  posted(): void {
    Atomics.add(this.value, 0, 1);
  }

  begun(): void {
    Atomics.sub(this.value, 0, 1);
  }
}
