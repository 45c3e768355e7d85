/**
 * One test bed for all end-to-end tests: up before the first of them, down after the last, whatever happened.
 * Remains of a run that crashed are removed by `up` itself.
 */

import { portkeyOk } from './portkey.js';

export const vms = ['vm-a', 'vm-b'] as const;

export const bedMinutes = 10;

/** For `describe`: brings the bed up once for the suite and takes it down. */
export function withTestbed(): void {
  before(async function () {
    this.timeout(bedMinutes * 60_000);
    await portkeyOk('testbed', 'up', '--vm-memory', '2G');
  });
  after(async function () {
    this.timeout(60_000);
    await portkeyOk('testbed', 'down');
  });
}
