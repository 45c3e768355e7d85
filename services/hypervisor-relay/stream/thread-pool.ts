/**
 * Worker threads that move streams, one stream at a time each, kept for the next one.
 *
 *     idle ──take──▶ (a stream) ──giveBack──▶ idle
 *
 * Starting a thread with its own JavaScript heap costs some 80 ms of CPU, as much as sending 200 MiB; so as many
 * as a migration takes are ready before the first one, and none is thrown away unless it failed.
 */
import { Worker } from 'node:worker_threads';

export class ThreadPool {
  private readonly idle: Worker[] = [];
  private readonly atWork = new Set<Worker>();

  /** `entry` is the compiled worker. */
  constructor(private readonly entry: URL) {}

  /** Has so many threads ready. */
  warm(threadCount: number): void {
    while (this.idle.length < threadCount) this.giveBack(this.start());
  }

  /** Streams that have a thread now. */
  get streamCount(): number {
    return this.atWork.size;
  }

  take(): Worker {
    const worker = this.idle.pop() ?? this.start();
    this.atWork.add(worker);
    return worker;
  }

  /** The thread waits for its next stream. */
  giveBack(worker: Worker): void {
    this.atWork.delete(worker);
    this.idle.push(worker);
  }

  /** Ends the threads that are idle. */
  async close(): Promise<void> {
    await Promise.all(this.idle.splice(0).map((worker) => worker.terminate()));
  }

  private start(): Worker {
    // Streams open and close descriptors by libc, of which Node knows nothing.
    const worker = new Worker(this.entry, { trackUnmanagedFds: false });
    worker.once('exit', () => {
      this.atWork.delete(worker);
      const at = this.idle.indexOf(worker);
      if (at >= 0) this.idle.splice(at, 1);
    });
    return worker;
  }
}

export interface StreamThreads {
  readonly senders: ThreadPool;
  readonly receivers: ThreadPool;
}

export function streamThreads(): StreamThreads {
  return {
    senders: new ThreadPool(new URL('./sender-worker.js', import.meta.url)),
    receivers: new ThreadPool(new URL('./receiver-worker.js', import.meta.url)),
  };
}
