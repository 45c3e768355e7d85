/**
 * One stream in a worker thread, and what must be freed when it is over.
 *
 *     running ──(its work is done, it failed, or `shutDown`)──▶ over: descriptors closed, thread given back
 *
 * The thread blocks in system calls, so it cannot be told to stop; `shutDown` ends its connection instead, and every
 * wait in it with that. Descriptors that it works on are closed here, after it, so that none of their numbers can
 * mean another file while it still uses them.
 */
import { closeSync } from 'node:fs';
import { MessageChannel, type Worker } from 'node:worker_threads';

import { PortkeyError } from '../../../libraries/errors/index.js';
import { shutdownSocket } from '../../../libraries/libc/index.js';
import type { ThreadPool } from './thread-pool.js';
import type { StreamOver, StreamStart } from './worker-loop.js';

export interface StreamThreadOptions<Start, Event> {
  readonly pool: ThreadPool;
  readonly start: Start;
  /** Sockets that the thread may block in; closed when the stream is over. */
  readonly sockets: readonly number[];
  readonly onEvent: (event: Event) => void;
  /** The last call, after the descriptors were closed; with the error that ended the stream, if one did. */
  readonly onOver: (error: PortkeyError | undefined) => void;
}

export class StreamThread<Start, Event extends { readonly type: string }> {
  readonly done: Promise<void>;
  private readonly worker: Worker;
  private readonly commands = new MessageChannel();
  private readonly sockets: number[];
  private isOver = false;
  private isShutDown = false;

  constructor(options: StreamThreadOptions<Start, Event>) {
    this.sockets = [...options.sockets];
    this.worker = options.pool.take();
    this.done = new Promise((resolve) => {
      const end = (error: PortkeyError | undefined): void => {
        if (this.isOver) return;
        this.isOver = true;
        this.worker.off('exit', crashed);
        this.commands.port1.close();
        for (const fd of this.sockets) closeSync(fd);
        options.onOver(error);
        resolve();
      };
      const crashed = (): void => end(new PortkeyError('internal', 'the thread of a stream crashed'));
      this.worker.once('exit', crashed);
      // A crash is reported by 'exit'; without a listener the 'error' before it would end the process.
      if (this.worker.listenerCount('error') === 0) this.worker.on('error', () => undefined);
      this.commands.port1.on('message', (event: Event | StreamOver) => {
        if (!isOver(event)) {
          options.onEvent(event);
          return;
        }
        end(event.error && new PortkeyError(event.error.code, event.error.message));
        options.pool.giveBack(this.worker);
      });
    });
    const { port2 } = this.commands;
    const start: StreamStart<Start> = { start: options.start, port: port2 };
    this.worker.postMessage(start, [port2]);
  }

  post(command: object): void {
    if (!this.isOver) this.commands.port1.postMessage(command);
  }

  /** One more socket, which the thread has made. */
  adopt(fd: number): void {
    this.sockets.push(fd);
    if (this.isShutDown) shutdownSocket(fd);
  }

  /** Ends the thread's waits. Idempotent. */
  shutDown(): void {
    this.isShutDown = true;
    if (!this.isOver) for (const fd of this.sockets) shutdownSocket(fd);
  }
}

function isOver(event: { readonly type: string }): event is StreamOver {
  return event.type === 'over';
}
