/**
 * A restore service that stands still when it is about to restore, for as long as a test needs to look and to kill it.
 *
 *     watching ──final images arrive──▶ standing still (SIGSTOP) ──kill──▶ dead ──release──▶ started again
 *
 * On a fast machine a migration passes from the freeze to the commit in less time than one command from outside takes,
 * so the guest itself watches, for a folder that comes after the freeze and before the end of the restore: in Portkey
 * mode that of the final images which land, in CRIU mode that of the final dump's page server. From then on the
 * migration waits for this agent, at most its deadline of a minute.
 *
 * Invariant: from `watch` to `release` what keeps the agent running stands still too, so that one that was killed stays
 * away. In CRIU mode the next one could otherwise be there before the images come, and the migration would complete.
 * `release` undoes everything from every state, and can be repeated.
 */
import assert from 'node:assert/strict';

import { eventually } from '../../support/eventually.js';
import { inGuest } from './portkey.js';

/** From the state that a test waits for to the arrival of the images an emulated guest takes seconds. */
const stopLimitMs = 30_000;

/** Prints the pids of the agent, of the shell that keeps it running, and of the watch, which gives up after minutes. */
const startWatch = `set -e
agent=$(pgrep -o -f '^node .*/opt/portkey/restore.cjs')
keeper=$(awk '/^PPid/ {print $2}' /proc/$agent/status)
kill -STOP $keeper
(
  for look in $(seq 3000); do
    for folder in /run/portkey/images/*/final /mnt/portkey/landing/*/final; do
      if [ -d "$folder" ]; then kill -STOP $agent; exit; fi
    done
    sleep 0.02
  done
) </dev/null >/dev/null 2>&1 &
echo $agent $keeper $!`;

export class HeldRestore {
  private constructor(
    private readonly vm: string,
    private readonly agent: string,
    private readonly keeper: string,
    private readonly watcher: string,
  ) {}

  /** To be called before the migration begins, where no migration has left anything. */
  static async watch(vm: string): Promise<HeldRestore> {
    const pids = /^(\d+) (\d+) (\d+)$/.exec((await inGuest(vm, startWatch)).trim());
    assert.ok(pids, `the restore service of ${vm} and its keeper run`);
    const [, agent = '', keeper = '', watcher = ''] = pids;
    return new HeldRestore(vm, agent, keeper, watcher);
  }

  async untilStopped(): Promise<void> {
    await eventually(
      `the restore service of ${this.vm} stands still`,
      async () => /^State:\s+T/m.test(await inGuest(this.vm, `cat /proc/${this.agent}/status`)),
      stopLimitMs,
    );
  }

  async kill(): Promise<void> {
    await inGuest(this.vm, `kill -KILL ${this.agent}`);
  }

  async release(): Promise<void> {
    // A dead agent keeps its pid until its keeper goes on, so the keeper comes last.
    await inGuest(
      this.vm,
      `exec 2>/dev/null; kill -KILL ${this.watcher}; kill -CONT ${this.agent}; kill -CONT ${this.keeper}; true`,
    );
  }
}
