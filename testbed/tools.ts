/**
 * What every part of the test bed is handed: commands, time, progress, and a way to be stopped.
 */
import { PortkeyError } from '../libraries/errors/index.js';
import {
  killGroup,
  runCommand,
  systemClock,
  type Clock,
  type RunCommand,
} from '../libraries/process/index.js';
import { markerOf } from './supervision/marker.js';

export interface Tools {
  /** Commands end, with all they started, when `signal` fires, and carry the test bed's marker. */
  readonly run: RunCommand;
  /** Commands that are not stopped, for cleaning up. */
  readonly runToEnd: RunCommand;
  readonly clock: Clock;
  /** One line of progress for people. */
  readonly report: (line: string) => void;
  /** Fires when the user wants out. */
  readonly signal: AbortSignal;
}

export function realTools(runtime: string, report: (line: string) => void, signal: AbortSignal): Tools {
  const run = marked(stoppable(runCommand, signal), runtime);
  return { run, runToEnd: runCommand, clock: systemClock, report, signal };
}

/** The same commands with the test bed's marker, by which `down` finds those that outlived a killed `up`. */
function marked(run: RunCommand, runtime: string): RunCommand {
  return (argv, options = {}) =>
    run(argv, { ...options, env: { ...(options.env ?? process.env), ...markerOf(runtime) } });
}

/** The same commands, killed with all they started when the signal fires; they then throw `cancelled`. */
export function stoppable(run: RunCommand, signal: AbortSignal): RunCommand {
  return async (argv, options = {}) => {
    throwIfStopped(signal);
    let stop: () => void = () => undefined;
    try {
      const result = await run(argv, {
        ...options,
        onStart: (pid) => {
          stop = () => killGroup(pid);
          signal.addEventListener('abort', stop, { once: true });
          options.onStart?.(pid);
        },
      });
      throwIfStopped(signal);
      return result;
    } finally {
      signal.removeEventListener('abort', stop);
    }
  };
}

export function throwIfStopped(signal: AbortSignal): void {
  if (signal.aborted) throw new PortkeyError('cancelled', 'stopped on request');
}
