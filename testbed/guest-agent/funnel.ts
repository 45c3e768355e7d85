/**
 * Several sources into one ordered stream of messages, with back-pressure: while the reader lags, the sources that
 * can wait are paused. Both ends of Exec use it: the agent for a command's outputs and end, the client for stdin
 * and signals.
 *
 * After `end` or `fail` nothing more is taken; sources still attached are left alone.
 */
import { PassThrough, type Readable } from 'node:stream';

const queuedMessages = 16;

export class Funnel<T extends object> implements AsyncIterable<T> {
  private readonly queue = new PassThrough({ objectMode: true, highWaterMark: queuedMessages });
  private readonly sources = new Set<Readable>();
  private closed = false;

  /** Attaches a source; `toMessage` wraps each of its chunks. */
  pour(source: Readable, toMessage: (chunk: Buffer) => T): void {
    this.sources.add(source);
    source.on('data', (chunk: Buffer) => this.push(toMessage(chunk)));
    source.once('end', () => this.sources.delete(source));
  }

  /** Adds one message, whatever the pressure. */
  push(message: T): void {
    if (this.closed || this.queue.write(message) || this.held) return;
    for (const source of this.sources) source.pause();
    this.queue.once('drain', () => {
      for (const source of this.sources) source.resume();
    });
  }

  /** True while sources are paused for the reader. */
  get held(): boolean {
    return this.queue.listenerCount('drain') > 0;
  }

  end(): void {
    this.closed = true;
    this.queue.end();
  }

  fail(error: Error): void {
    this.closed = true;
    this.queue.destroy(error);
  }

  [Symbol.asyncIterator](): AsyncIterator<T> {
    return this.queue[Symbol.asyncIterator]() as AsyncIterator<T>;
  }
}
