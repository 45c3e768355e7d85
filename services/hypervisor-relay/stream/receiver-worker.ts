/** Entry of the thread that receives one migration's stream: see receiver.ts. */
import { parentPort, workerData } from 'node:worker_threads';

import { asPortkeyError } from '../../../libraries/errors/index.js';
import { systemClock } from '../../../libraries/process/index.js';
import type { ReceiverEvent, ReceiverStart } from './receiver-messages.js';
import { Receiver } from './receiver.js';

const port = parentPort;
if (port === null) throw new Error('this file is the entry of a worker thread');
const report = (event: ReceiverEvent): void => port.postMessage(event);

try {
  new Receiver(workerData as ReceiverStart, { clock: systemClock, report }).run();
} catch (error) {
  const { code, message } = asPortkeyError(error);
  report({ type: 'failed', code, message });
}
