/**
 * One test bed for all end-to-end tests: up before the first of them; testbed.test.ts, the last file, takes it
 * down and looks for what is left. scripts/test.sh takes it down whatever happened, and `up` removes what a crashed
 * run left behind.
 */
import { portkey, portkeyOk } from './portkey.js';

export const vms = ['vm-a', 'vm-b'] as const;

/** The image is built first where it is not cached. */
const upMinutes = 10;

/** For `describe`. */
export function withTestbed(): void {
  before(async function () {
    this.timeout(upMinutes * 60_000);
    const { exitCode, stdout } = await portkey('testbed', 'status');
    if (exitCode === 0 && stdout.includes('is up')) return;
    await portkeyOk('testbed', 'up', '--vm-memory', '2G');
  });
}
