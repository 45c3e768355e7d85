/**
 * The two kinds of clients of Redis that the controller has, and what each does where ioredis' own would not do.
 *
 * `PromptClient`: whoever asks gets an answer or an error soon, and what was given up is not done later. ioredis repeats by the
 * next connection what the last one left unanswered, also what has timed out meanwhile.
 *
 * `QueueClient`: what BullMQ makes its connections of, by `duplicate`. It gives up none of its commands; but a connection that
 * says nothing must be given up for another. BullMQ sees to that only for the one on which it waits for jobs, the only one
 * that it names. There an answer may take as long as it waits.
 */
import { Redis, type RedisOptions } from 'ioredis';

/** BullMQ's `maximumBlockTimeout`. */
const longestWaitMs = 10_000;

export class PromptClient extends Redis {
  override sendCommand(...[command, stream]: Parameters<Redis['sendCommand']>): unknown {
    return command.isSettled ? command.promise : super.sendCommand(command, stream);
  }
}

export class QueueClient extends Redis {
  override duplicate(override: Partial<RedisOptions> = {}): Redis {
    const { socketTimeout = 0 } = this.options;
    const waits = override.connectionName !== undefined;
    return super.duplicate({ ...override, socketTimeout: socketTimeout + (waits ? longestWaitMs : 0) });
  }
}
