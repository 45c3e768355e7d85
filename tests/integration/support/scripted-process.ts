/**
 * One scripted service process: a real gRPC server on a Unix socket, which can die and come back like one.
 */
import { setTimeout as delay } from 'node:timers/promises';

import { PortkeyError } from '../../../libraries/errors/index.js';
import { RpcServer } from '../../../libraries/rpc/index.js';
import { Faults } from './faults.js';

const neverAnswers = new Promise<never>(() => undefined);

export class ScriptedProcess {
  readonly faults = new Faults();
  private server: RpcServer | undefined;
  private comingBack: Promise<void> = Promise.resolve();
  private ended = false;

  /** `serve` adds the handlers; `onDeath` drops what only lives in the process's memory. */
  constructor(
    readonly address: string,
    private readonly calls: string[],
    private readonly serve: (server: RpcServer, process: ScriptedProcess) => void,
    private readonly onDeath: () => void = () => undefined,
  ) {}

  async start(): Promise<void> {
    this.server = new RpcServer('insecure');
    this.serve(this.server, this);
    await this.server.listen([this.address]);
  }

  /** Wraps one call: notes it, does `work`, and strikes with the fault that is planned for it. */
  async call<T>(method: string, work: () => T | Promise<T>): Promise<T> {
    this.calls.push(method);
    await this.strike(method, 'before');
    const result = await work();
    await this.strike(method, 'after');
    return result;
  }

  /** Ends the process as SIGKILL would; it is back after `backAfterMs` (undefined: not at all). */
  async die(backAfterMs?: number): Promise<void> {
    this.onDeath();
    const { server } = this;
    this.server = undefined;
    await server?.stop(0);
    if (backAfterMs === undefined) return;
    this.comingBack = delay(backAfterMs).then(() => (this.ended ? undefined : this.start()));
  }

  async stop(): Promise<void> {
    this.ended = true;
    await this.comingBack;
    await this.server?.stop(0);
  }

  private async strike(method: string, when: 'before' | 'after'): Promise<void> {
    const fault = this.faults.take(method, when);
    if (fault === undefined) return;
    switch (fault.kind) {
      case 'fail':
        throw new PortkeyError(fault.code ?? 'internal', fault.message ?? `scripted: ${method} failed`);
      case 'die':
        await this.die(fault.backAfterMs);
        return neverAnswers;
      case 'hang':
        return neverAnswers;
    }
  }
}
