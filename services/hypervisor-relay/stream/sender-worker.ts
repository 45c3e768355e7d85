/** Entry of the thread that sends one migration's stream: see sender.ts. */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';

import { asPortkeyError } from '../../../libraries/errors/index.js';
import { systemClock } from '../../../libraries/process/index.js';
import type { SenderCommand, SenderEvent, SenderStart } from './sender-messages.js';
import { Sender } from './sender.js';

const port = parentPort;
if (port === null) throw new Error('this file is the entry of a worker thread');
const report = (event: SenderEvent): void => port.postMessage(event);
const nextCommand = (): SenderCommand | undefined =>
  (receiveMessageOnPort(port) as { message: SenderCommand } | undefined)?.message;

try {
  new Sender(workerData as SenderStart, { clock: systemClock, nextCommand, report }).run();
} catch (error) {
  const { code, message } = asPortkeyError(error);
  report({ type: 'failed', code, message });
}
port.close();
