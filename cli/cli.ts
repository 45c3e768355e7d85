/**
 * What every command is handed: output, time, interrupts, places, and the way to the controller.
 *
 * A command sets `exitCode` where its result is not a plain success; an error it throws decides by its own code.
 */
import type { Clock } from '../libraries/process/index.js';
import type { Places } from '../testbed/paths.js';
import type { Controller } from './controller.js';
import type { Interrupts } from './interrupts.js';
import type { Output } from './output.js';

export interface Cli {
  readonly output: Output;
  readonly env: NodeJS.ProcessEnv;
  readonly clock: Clock;
  readonly interrupts: Interrupts;
  readonly places: Places;
  exitCode: number;
  /** The controller that the user named, or several with commas between; undefined where it is the test bed's. */
  namedController(): string | undefined;
  /** Addresses of all that are known. Throws `testbed-down` where none is. */
  controllers(): Promise<readonly string[]>;
  /** To the first of them that answers, or to the one at `address`. The caller disposes of it. Throws `testbed-down`. */
  connect(address?: string): Promise<Controller>;
}
