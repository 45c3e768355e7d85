/** Entry of the thread that watches over a fuzzing run: see watchdog.ts. */
import { writeSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';

import type { Watched } from './watchdog.js';

const { caseNumber, patienceMs } = workerData as Watched;
const value = new Int32Array(caseNumber);
const stderr = 2;
let name = 'nothing yet';
let before = -1;

parentPort?.on('message', (next: string) => {
  name = next;
  before = -1;
});

setInterval(() => {
  const now = Atomics.load(value, 0);
  if (now === before) {
    // At once: the process ends before a stream would be written.
    writeSync(stderr, `${name}, case ${now}: it has not ended in ${patienceMs / 1000} s\n`);
    process.kill(process.pid, 'SIGKILL');
  }
  before = now;
}, patienceMs);

parentPort?.postMessage('watching');
