/** Entry of the threads that receive streams: see receiver.ts. */
import { systemClock } from '../../../libraries/process/index.js';
import type { ReceiverEvent, ReceiverStart } from './receiver-messages.js';
import { Receiver } from './receiver.js';
import { serveStreams } from './worker-loop.js';

serveStreams<ReceiverStart, never, ReceiverEvent>((start, { report }) => {
  new Receiver(start, { clock: systemClock, report }).run();
});
