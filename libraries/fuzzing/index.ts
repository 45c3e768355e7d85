export { argumentsOrExit, someOf, wholeNumber } from './arguments.js';
export { fuzz, withoutNumbers, type FuzzOptions, type FuzzResult, type Target } from './fuzzer.js';
export { mutate } from './mutate.js';
export { runFuzzProgram, type RunTarget } from './program.js';
export { Random } from './random.js';
export { makeScratchFolder } from './scratch-folder.js';
export { Watchdog } from './watchdog.js';
