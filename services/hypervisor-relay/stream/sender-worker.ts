/** Entry of the threads that send streams: see sender.ts. */
import { clockOfAllThreads } from '../../../libraries/process/index.js';
import type { SenderCommand, SenderEvent, SenderStart } from './sender-messages.js';
import { Sender } from './sender.js';
import { serveStreams } from './worker-loop.js';

serveStreams<SenderStart, SenderCommand, SenderEvent>((start, port) => {
  new Sender(start, { clock: clockOfAllThreads, ...port }).run();
});
