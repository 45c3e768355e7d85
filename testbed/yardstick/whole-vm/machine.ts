/**
 * One QEMU of the whole-VM yardstick: started, asked, read and ended by the process that measures.
 *
 * It ends with that process, also by SIGKILL (setpriv has the kernel see to it), since nothing else would need it; and
 * like all of the test bed it has the marker, by which `testbed down` finds it. `end` leaves none of its files.
 */
import { rm } from 'node:fs/promises';

import { PortkeyError } from '../../../libraries/errors/index.js';
import { processCpuSeconds } from '../../../libraries/libc/index.js';
import type { Clock } from '../../../libraries/process/index.js';
import { withQmp, type QmpClient } from '../../../libraries/qemu/index.js';
import type { Daemon, StartDaemon } from '../../supervision/daemon.js';
import { waitFor } from '../../supervision/wait.js';
import type { Tools } from '../../tools.js';
import type { WholeVmEnd } from './place.js';

/** Touching all of a large guest's RAM takes a while. */
const startTimeoutMs = 60_000;
const endPollMs = 20;

/** For a program that must not outlive the process that starts it. */
export const endsWithStarter = (argv: readonly string[]): string[] => [
  'setpriv',
  '--pdeathsig',
  'KILL',
  ...argv,
];

export class Machine {
  private constructor(
    readonly end: WholeVmEnd,
    readonly daemon: Daemon,
    private readonly clock: Clock,
  ) {}

  /** Resolves when QEMU answers. Nothing is left where this throws. */
  static async start(
    end: WholeVmEnd,
    command: readonly string[],
    start: StartDaemon,
    tools: Tools,
  ): Promise<Machine> {
    const name = `${end.qemu.name}-${end.host}-qemu`;
    const daemon = start({ name, argv: endsWithStarter(command), namespace: end.namespace });
    const machine = new Machine(end, daemon, tools.clock);
    const answers = (): Promise<boolean> =>
      machine
        .ask((qmp) => qmp.execute('query-status'))
        .then(
          () => true,
          () => false,
        );
    const late = (): PortkeyError =>
      new PortkeyError('testbed-failed', `${name} did not answer within ${startTimeoutMs / 1000} s`);
    try {
      await waitFor({ until: answers, daemons: [daemon], timeoutMs: startTimeoutMs, late }, tools);
      // QEMU has it mapped: from here the memory goes with QEMU, whatever becomes of this process.
      await rm(end.qemu.ramFile);
      return machine;
    } catch (error) {
      await machine.stop();
      throw error;
    }
  }

  ask<T>(questions: (qmp: QmpClient) => Promise<T>): Promise<T> {
    return withQmp(this.end.qemu.qmpSocket, questions);
  }

  /** Since it started, all threads. Throws `testbed-failed` where it has ended. */
  cpuSeconds(): number {
    const seconds = processCpuSeconds(this.daemon.pid);
    if (seconds === undefined || this.daemon.failure() !== undefined)
      throw this.daemon.failure() ?? new PortkeyError('testbed-failed', `${this.daemon.name} has ended`);
    return seconds;
  }

  /** Fine to call again. */
  async stop(): Promise<void> {
    await endDaemon(this.daemon, this.clock);
    await Promise.all(this.end.files.map((file) => rm(file, { force: true })));
  }
}

/** SIGKILL, and its end. A daemon of this process keeps its pid until the process has heard of the end. */
export async function endDaemon(daemon: Daemon, clock: Clock): Promise<void> {
  while (daemon.failure() === undefined) {
    if (daemon.pid > 0) process.kill(daemon.pid, 'SIGKILL');
    await clock.sleep(endPollMs);
  }
}
