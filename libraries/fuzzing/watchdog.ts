/**
 * Ends a run that stands still: a case that spins, or waits in a system call, can neither be ended by its own thread nor told
 * by it.
 *
 * A thread of its own looks at the number of the case under way. Where it is the same as one look before, it says so, and
 * kills the process: what the run has made is left for the next one to remove (scratch-folder.ts).
 */
import { Worker } from 'node:worker_threads';

/** What the thread begins with. */
export interface Watched {
  readonly name: string;
  readonly caseNumber: SharedArrayBuffer;
  readonly patienceMs: number;
}

export class Watchdog {
  private readonly value = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  private readonly worker: Worker;

  /** `name`: of what is tried. */
  constructor(name: string, patienceMs: number) {
    const workerData: Watched = { name, caseNumber: this.value.buffer, patienceMs };
    this.worker = new Worker(new URL('./watchdog-worker.js', import.meta.url), { workerData, execArgv: [] });
    this.worker.unref();
  }

  begins(caseNumber: number): void {
    Atomics.store(this.value, 0, caseNumber);
  }

  async close(): Promise<void> {
    await this.worker.terminate();
  }
}
