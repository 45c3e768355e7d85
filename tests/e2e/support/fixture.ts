/**
 * One test bed for all end-to-end tests of a run: up before the first of them; testbed.test.ts takes it down, looks for what is
 * left, and brings up another one, with two controllers, for two-controllers.test.ts, the last file. scripts/test.sh makes two
 * runs at once, which do not see each other, takes the test beds down whatever happened, and `up` removes what a crashed run left
 * behind.
 *
 * A bed that is up already is used only if it runs the compiled code and has VMs of the size that the tests need:
 * this run started it, or somebody did after the last build. Any other would be a test of something else.
 */
import assert from 'node:assert/strict';
import { stat } from 'node:fs/promises';
import path from 'node:path';

import type { TestbedState, TestbedStatus } from '../../../testbed/index.js';
import { placesOf } from '../../../testbed/paths.js';
import { portkey, portkeyOk } from './portkey.js';

export const vms = ['vm-a', 'vm-b'] as const;

/** The image is built first where it is not cached. */
const upMinutes = 10;
const vmBytes = 2 * 2 ** 30;

/** For `describe`. */
export function withTestbed(controllerCount = 1): void {
  before(async function () {
    this.timeout(upMinutes * 60_000);
    const { stdout } = await portkey('--json', 'testbed', 'status');
    const { state, testbed } = JSON.parse(stdout) as TestbedStatus;
    if (testbed === undefined) {
      await portkeyOk('testbed', 'up', '--vm-memory', '2G', '--controllers', String(controllerCount));
      return;
    }
    const unfit = state === 'degraded' ? 'is degraded' : await unfitness(testbed, controllerCount);
    if (unfit !== undefined)
      assert.fail(`the test bed that is up ${unfit}; take it down first (./portkey testbed down)`);
  });
}

async function unfitness(testbed: TestbedState, controllerCount: number): Promise<string | undefined> {
  const { startedAt, vmMemoryBytes } = testbed;
  if (testbed.controllerCount !== controllerCount) return `has ${testbed.controllerCount} controllers`;
  if (vmMemoryBytes !== vmBytes) return 'has VMs of another size than 2G';
  const builtMs = (await stat(path.join(placesOf(process.env).project, 'build/.complete'))).mtimeMs;
  const startedMs = Date.parse(startedAt);
  if (startedMs > performance.timeOrigin || startedMs > builtMs) return undefined;
  return 'is older than the last build';
}
