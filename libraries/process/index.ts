export { abortable } from './abortable.js';
export {
  killGroup,
  runChecked,
  runCommand,
  type CommandOptions,
  type CommandResult,
  type RunCommand,
} from './command.js';
export { secondsSince, systemClock, type Clock } from './clock.js';
