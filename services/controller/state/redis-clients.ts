/**
 * A client of Redis for whoever needs an answer or an error soon: what was given up is not done later. ioredis' own repeats by
 * the next connection what the last one left unanswered, also what has timed out meanwhile.
 */
import { Redis } from 'ioredis';

export class PromptClient extends Redis {
  override sendCommand(...[command, stream]: Parameters<Redis['sendCommand']>): unknown {
    return command.isSettled ? command.promise : super.sendCommand(command, stream);
  }
}
