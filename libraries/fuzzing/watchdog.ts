/**
 * Ends a run that stands still: a case that spins, or waits in a system call, can neither be ended by its own thread nor told
 * by it.
 *
 * A thread of its own looks at the number of the case under way. Where it is the same as one look before, it says so, and
 * kills the process: what the run has made is left for the next one to remove (scratch-folder.ts). Its own descriptors are open before `start` returns: targets count those of the process.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

/** What the thread begins with. */
export interface Watched {
  readonly caseNumber: SharedArrayBuffer;
  readonly patienceMs: number;
}

export class Watchdog {
  private constructor(
    private readonly worker: Worker,
    private readonly caseNumber: Int32Array,
  ) {}

  static async start(patienceMs: number): Promise<Watchdog> {
    const shared = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
    const workerData: Watched = { caseNumber: shared, patienceMs };
    const worker = new Worker(new URL('./watchdog-worker.js', import.meta.url), { workerData, execArgv: [] });
    await once(worker, 'message');
    return new Watchdog(worker, new Int32Array(shared));
  }

  /** What is tried from here on. */
  watch(name: string): void {
    this.worker.postMessage(name);
  }

  begins(caseNumber: number): void {
    Atomics.store(this.caseNumber, 0, caseNumber);
  }

  async close(): Promise<void> {
    await this.worker.terminate();
  }
}
