export { abortable } from './abortable.js';
export {
  killGroup,
  runChecked,
  runCommand,
  type CommandOptions,
  type CommandResult,
  type RunCommand,
} from './command.js';
export { KeyedQueue } from './keyed-queue.js';
export { clockOfAllThreads, secondsSince, systemClock, type Clock } from './clock.js';
export { unprivileged } from './unprivileged.js';
