/**
 * The log of a service: JSON lines on stderr.
 *
 * Goal: a service works on where its log cannot be written, on a full disk for instance; a container depends on it, and
 * nobody on the line. Such writes are counted, and repeated with the next line, so that the log goes on where it stopped
 * once there is room again.
 * Limits: of what waits for that, 1 MiB is kept; lines beyond that are lost.
 */
import { pino, type Logger } from 'pino';
import { Counter, type Registry } from 'prom-client';

const stderr = 2;
const keptBytes = 2 ** 20;

/** Each line is written before its call returns, so that the last words of a process that ends are not lost. */
export function createLog(name: string, level: string, registry: Registry): Logger {
  const failures = new Counter({
    name: 'portkey_log_write_failures_total',
    help: 'Attempts to write the log that failed; the lines are kept for the next one, up to 1 MiB.',
    registers: [registry],
  });
  const destination = pino.destination({ dest: stderr, sync: true, maxLength: keptBytes });
  // pino's own listener throws what it does not expect, which would end the process.
  destination.removeAllListeners('error').on('error', () => failures.inc());
  // A line that is lost is an attempt to write the others, too: it may be that only lines come for which there is no room.
  destination.on('drop', () => destination.write(''));
  return pino({ name, level }, destination);
}
