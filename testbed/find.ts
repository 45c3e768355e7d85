/**
 * The running test bed, as commands find it: by its state file, and only while its runtime folder is there.
 *
 * The folder is in memory, so that a reboot takes it and leaves the file. A test bed that another user started keeps
 * its state file in that user's home and closes its folder to everyone else.
 */
import { access, constants } from 'node:fs/promises';

import { PortkeyError } from '../libraries/errors/index.js';
import type { Places } from './paths.js';
import { readState, type TestbedState } from './state.js';

/** Undefined where none is up. Throws `testbed-down` where one is up that is not ours to use. */
export async function findTestbed({
  state,
  runtime,
}: Pick<Places, 'state' | 'runtime'>): Promise<TestbedState | undefined> {
  try {
    await access(runtime, constants.R_OK | constants.X_OK);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EACCES')
      throw new PortkeyError('testbed-down', `${runtime} is another user's: use the test bed with sudo`);
    return undefined;
  }
  return readState(state);
}
