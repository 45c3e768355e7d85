/**
 * Starts the test bed's own long-running processes: detached from the terminal, marked, output to a log file.
 *
 * A daemon outlives the process that starts it. While that one is still there, an early end is seen by `failure`.
 */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';

import { asPortkeyError, PortkeyError } from '../../libraries/errors/index.js';
import { markerOf } from './marker.js';

export interface Daemon {
  readonly name: string;
  readonly pid: number;
  /** How it ended, if it did; its log's tail is in the error's details. */
  failure(): PortkeyError | undefined;
}

export interface DaemonSpec {
  readonly name: string;
  readonly argv: readonly string[];
  /** Network namespace; the calling process's own where undefined. */
  readonly namespace?: string;
}

export type StartDaemon = (spec: DaemonSpec) => Daemon;

const tailBytes = 4000;

/** `logs` is a folder that exists. The log of an earlier run is overwritten, or gone on with. */
export function daemonStarter(
  runtime: string,
  logs: string,
  earlierLog: 'overwrite' | 'keep' = 'overwrite',
): StartDaemon {
  return ({ name, argv, namespace }) => {
    // `ip netns exec` becomes the program itself: the pid is the daemon's.
    const [program = '', ...args] =
      namespace === undefined ? argv : ['ip', 'netns', 'exec', namespace, ...argv];
    const logFile = path.join(logs, `${name}.log`);
    const log = openSync(logFile, earlierLog === 'keep' ? 'a' : 'w');
    const child = spawn(program, args, {
      detached: true,
      stdio: ['ignore', log, log],
      env: { ...process.env, ...markerOf(runtime) },
      cwd: '/',
    });
    closeSync(log);
    child.unref();
    let ending: string | undefined;
    child.once('error', (error) => (ending = `cannot be started: ${error.message}`));
    child.once('exit', (code, signal) => (ending = `ended at once (${exitText(code, signal)})`));
    const failure = (): PortkeyError | undefined =>
      ending === undefined
        ? undefined
        : new PortkeyError('testbed-failed', `${name} ${ending}; its log is ${logFile}`, {
            details: tailOf(logFile),
          });
    return { name, pid: child.pid ?? 0, failure };
  };
}

/** How a process ended, as Node tells it. */
export function exitText(code: number | null, signal: NodeJS.Signals | null): string {
  return signal ?? `exit code ${code ?? 0}`;
}

/** A log that its owner has removed already must not make the daemon's end a second failure. */
function tailOf(logFile: string): string {
  try {
    return readFileSync(logFile, 'utf8').slice(-tailBytes);
  } catch (error) {
    return `cannot read ${logFile}: ${asPortkeyError(error).message}`;
  }
}
