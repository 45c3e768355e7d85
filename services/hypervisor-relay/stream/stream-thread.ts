/**
 * A worker thread that moves one stream, and what must be freed when it is gone.
 *
 *     running ──(its work is done, it failed, or `shutDown`)──▶ gone: descriptors closed, `done` resolves
 *
 * The thread blocks in system calls, so it cannot be told anything; `shutDown` ends its connection instead, and
 * every wait in it with that. Descriptors that it works on are closed here, after it, so that none of their
 * numbers can mean another file while it still uses them.
 */
import { closeSync } from 'node:fs';
import { Worker } from 'node:worker_threads';

import { shutdownSocket } from '../../../libraries/libc/index.js';

export interface StreamThreadOptions<Event> {
  /** The compiled worker, as a URL. */
  readonly entry: URL;
  readonly start: object;
  /** Sockets that the thread may block in. */
  readonly sockets: readonly number[];
  readonly onEvent: (event: Event) => void;
  /** The thread ended by an error that it did not report itself. */
  readonly onCrash: (error: unknown) => void;
  /** After the descriptors were closed. */
  readonly onGone?: () => void;
}

export class StreamThread<Event> {
  readonly done: Promise<void>;
  private readonly worker: Worker;
  private readonly sockets: number[];
  private isGone = false;
  private isShutDown = false;

  constructor(options: StreamThreadOptions<Event>) {
    this.sockets = [...options.sockets];
    this.worker = new Worker(options.entry, { workerData: options.start });
    this.worker.on('message', (event: Event) => options.onEvent(event));
    this.worker.on('error', options.onCrash);
    this.done = new Promise((resolve) => {
      this.worker.once('exit', () => {
        this.isGone = true;
        for (const fd of this.sockets) closeSync(fd);
        options.onGone?.();
        resolve();
      });
    });
  }

  post(command: object): void {
    this.worker.postMessage(command);
  }

  /** One more socket, which the thread has made. */
  adopt(fd: number): void {
    if (this.isGone) {
      closeSync(fd);
      return;
    }
    this.sockets.push(fd);
    if (this.isShutDown) shutdownSocket(fd);
  }

  /** Ends the thread's waits. Idempotent. */
  shutDown(): void {
    this.isShutDown = true;
    if (!this.isGone) for (const fd of this.sockets) shutdownSocket(fd);
  }
}
