/**
 * A lock between processes of this machine that no crash can leave behind.
 *
 * Who holds it has an abstract unix socket bound, which the kernel releases with the process, SIGKILL included.
 * Limit: such names are per network namespace. A holder elsewhere is not seen, so what the lock protects must
 * also end in an atomic step (a rename) that makes two winners harmless.
 */
import { createServer, type Server } from 'node:net';

import { PortkeyError } from '../libraries/errors/index.js';

export interface Lock {
  release(): Promise<void>;
}

/** The lock, or undefined where another process has it. */
export function tryLock(name: string): Promise<Lock | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (cause: NodeJS.ErrnoException) => {
      if (cause.code === 'EADDRINUSE') resolve(undefined);
      else
        reject(
          new PortkeyError('testbed-failed', `cannot take the lock ${name}: ${cause.message}`, { cause }),
        );
    });
    server.listen(`\0portkey-${name}`, () => {
      server.unref();
      resolve({ release: () => close(server) });
    });
  });
}

export async function isLocked(name: string): Promise<boolean> {
  const lock = await tryLock(name);
  await lock?.release();
  return lock === undefined;
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
