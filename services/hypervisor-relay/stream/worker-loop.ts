/**
 * The thread's side of a pool: wait for a stream, move it, say that it is over, wait for the next.
 *
 * Each stream comes with a port of its own, so that nothing meant for one can reach the next.
 */
import { parentPort, receiveMessageOnPort, type MessagePort } from 'node:worker_threads';

import { asPortkeyError, type ErrorCode } from '../../../libraries/errors/index.js';

/** What starts a stream in a thread. */
export interface StreamStart<Start> {
  readonly start: Start;
  readonly port: MessagePort;
}

/** The stream ended by itself or by this error. The last message of each stream. */
export interface StreamOver {
  readonly type: 'over';
  readonly error: { readonly code: ErrorCode; readonly message: string } | undefined;
}

export interface StreamPort<Command, Event> {
  /** The next command, if there is one; never waits. */
  readonly nextCommand: () => Command | undefined;
  readonly report: (event: Event) => void;
}

export type MoveStream<Start, Command, Event> = (start: Start, port: StreamPort<Command, Event>) => void;

/** `move` blocks until the stream is over. Call once, as the thread's entry. */
export function serveStreams<Start, Command, Event>(move: MoveStream<Start, Command, Event>): void {
  parentPort?.on('message', ({ start, port }: StreamStart<Start>) => {
    const over = (error: StreamOver['error']): void => {
      port.postMessage({ type: 'over', error } satisfies StreamOver);
      port.close();
    };
    try {
      move(start, {
        nextCommand: () => (receiveMessageOnPort(port) as { message: Command } | undefined)?.message,
        report: (event) => port.postMessage(event),
      });
      over(undefined);
    } catch (thrown) {
      const { code, message } = asPortkeyError(thrown);
      over({ code, message });
    }
  });
}
