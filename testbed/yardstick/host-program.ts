/**
 * A program of a yardstick that runs on one of the test bed's hosts, and says in lines of JSON what it has measured.
 *
 * It carries the test bed's marker, so that `testbed down` finds one whose starter was killed.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';

import { PortkeyError } from '../../libraries/errors/index.js';
import { runtimeFolder } from '../paths.js';
import { markerOf } from '../supervision/marker.js';

export interface HostProgram {
  readonly child: ChildProcess;
  /** The next line that it prints, as JSON. Throws `command-failed`, or the signal's reason. */
  readonly line: () => Promise<unknown>;
}

/** `file` is compiled; `namespace` is the host's. */
export function startOnHost(
  file: string,
  namespace: string,
  args: readonly string[],
  signal: AbortSignal,
): HostProgram {
  const name = path.basename(file, '.js');
  const child = spawn('ip', ['netns', 'exec', namespace, process.execPath, file, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...markerOf(runtimeFolder) },
    signal,
  });
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint += text));
  const ended = once(child, 'close').then(
    () => undefined,
    () => undefined,
  );
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const line = async (): Promise<unknown> => {
    const next: IteratorResult<string, unknown> = await lines.next();
    if (next.done !== true) return JSON.parse(next.value);
    await ended;
    signal.throwIfAborted();
    throw new PortkeyError('command-failed', `${name} ended before it had measured anything`, {
      details: complaint,
    });
  };
  return { child, line };
}
