/**
 * Tells the threads of one migration's streams that they are shut down, also those that have no connection yet.
 *
 * Shutting a socket down ends its connection; that it also ends a `connect`, or one that is still to come, is written
 * nowhere. So the main thread sets this first and shuts down after it, and a thread looks at it once it has connected:
 * either it is set, or the connection was there to be shut down. Limits: a kernel that lets the `connect` go on makes
 * that thread late by as long as it may take.
 */
export class ShutDownFlag {
  private readonly value: Int32Array;

  /** `shared` is another's of the same streams. */
  constructor(readonly shared = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)) {
    this.value = new Int32Array(shared);
  }

  get isSet(): boolean {
    return Atomics.load(this.value, 0) === 1;
  }

  set(): void {
    Atomics.store(this.value, 0, 1);
  }
}
