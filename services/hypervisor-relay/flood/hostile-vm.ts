/** A hostile VM in a process of its own, so that its floods are not held up by whoever measures. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import type { VmConfig } from '../config.js';
import type { HostedVm } from '../testing/relay-process.js';
import type { FloodName } from './floods.js';
import type { HostileVmAnswer, HostileVmCommand } from './hostile-vm-program.js';

const entry = fileURLToPath(new URL('hostile-vm-program.js', import.meta.url));

export class HostileVm implements HostedVm {
  private readonly exited: Promise<unknown[]>;

  private constructor(
    private readonly child: ChildProcess,
    readonly folder: string,
    readonly config: VmConfig,
  ) {
    this.exited = once(child, 'exit');
  }

  static async start(): Promise<HostileVm> {
    const child = fork(entry);
    const [{ folder, config }] = (await once(child, 'message')) as [Pick<HostileVm, 'folder' | 'config'>];
    return new HostileVm(child, folder, config);
  }

  /** As a VM that means well. The flood that comes next is in this migration. */
  greet(migrationId: string): Promise<void> {
    return this.tell({ do: 'greet', migrationId });
  }

  /** Until `calm`. */
  flood(name: FloodName): Promise<void> {
    return this.tell({ do: 'flood', name });
  }

  calm(): Promise<void> {
    return this.tell({ do: 'calm' });
  }

  async stop(): Promise<void> {
    this.send({ do: 'stop' });
    await this.exited;
  }

  private async tell(command: HostileVmCommand): Promise<void> {
    const answered = once(this.child, 'message') as Promise<[HostileVmAnswer]>;
    this.send(command);
    const answer = await Promise.race([answered.then(([text]) => text), this.exited.then(() => undefined)]);
    if (answer === 'done') return;
    throw new Error(`the hostile VM cannot ${command.do}: ${answer?.failed ?? 'it has ended'}`);
  }

  /** That it has ended is for `exited` to say. */
  private send(command: HostileVmCommand): void {
    if (this.child.connected) this.child.send(command, () => undefined);
  }
}
