/**
 * Programs that belong to a container: their output is the container's, and it ends when the first of them does.
 *
 * They end with the container, whose first process the engine kills last; nothing here outlives that.
 */
import { spawn } from 'node:child_process';

import { PortkeyError } from '../../../libraries/errors/index.js';
import { exitText, type Daemon, type StartDaemon } from '../../supervision/daemon.js';

export interface Attached {
  readonly start: StartDaemon;
  /** Resolves with how the first of them ended. */
  readonly ended: Promise<PortkeyError>;
}

export function attachedPrograms(): Attached {
  const { promise: ended, resolve } = promiseOf<PortkeyError>();
  const start = ({ name, argv }: Parameters<StartDaemon>[0]): Daemon => {
    const [program = '', ...args] = argv;
    const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit'] });
    let failed: PortkeyError | undefined;
    const end = (how: string): void => {
      failed ??= new PortkeyError('testbed-failed', `${name} ${how}`);
      resolve(failed);
    };
    child.once('error', (error) => end(`cannot be started: ${error.message}`));
    child.once('exit', (code, signal) => end(`ended (${exitText(code, signal)})`));
    return { name, pid: child.pid ?? 0, failure: () => failed };
  };
  return { start, ended };
}

function promiseOf<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((settle) => (resolve = settle));
  return { promise, resolve };
}
