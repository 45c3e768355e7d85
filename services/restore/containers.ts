/**
 * The life of containers in this VM outside of migrations: run, list, stop.
 *
 * A container exists once its folder does. The link comes up before runc starts it, so that its first packet
 * finds the network. To runc, one that arrives by a migration runs as soon as it has a task; whether it is whole, and may
 * run, the stages of its arrival say.
 */
import { PortkeyError } from '../../libraries/errors/index.js';
import type { Container, ContainerSpec } from '../../libraries/rpc/index.js';
import type {
  Claim,
  ContainerHost,
  ContainerStore,
  Runc,
  RuncContainer,
} from '../../libraries/runtime/index.js';

export class Containers {
  constructor(
    private readonly host: ContainerHost,
    private readonly store: ContainerStore,
    private readonly runc: Runc,
  ) {}

  /** Starts nothing once its caller is gone (`signal`), who may have it started elsewhere. Throws `cancelled` then. */
  async run(spec: ContainerSpec, signal: AbortSignal): Promise<Container> {
    if (spec.command.length === 0)
      throw new PortkeyError(
        'invalid-argument',
        `container '${spec.name}' has no command; give one after --`,
      );
    const checkCaller = (): void => {
      if (!signal.aborted) return;
      throw new PortkeyError('cancelled', `container '${spec.name}' was not started: its caller is gone`);
    };
    checkCaller();
    await this.host.make(spec);
    try {
      checkCaller();
      this.host.network(spec).setLink(true);
      await this.runc.start(spec.name, this.store.folder(spec.name));
    } catch (error) {
      await this.host.remove(spec);
      throw error;
    }
    return this.describe(spec, await this.runc.find(spec.name));
  }

  async list(): Promise<Container[]> {
    const running = new Map((await this.runc.list()).map((container) => [container.name, container]));
    return (await this.store.names())
      .map((name) => this.findWhole(name, running.get(name)))
      .filter((container) => container !== undefined);
  }

  /** One that cannot be read must not hide the others. */
  private findWhole(name: string, found: RuncContainer | undefined): Container | undefined {
    try {
      const spec = this.store.find(name);
      return spec === undefined ? undefined : this.describe(spec, found);
    } catch {
      return undefined;
    }
  }

  async stop(name: string): Promise<void> {
    const spec = this.store.spec(name);
    const claim = this.store.claimOf(name);
    if (claim !== undefined) {
      throw new PortkeyError(
        'container-busy',
        `container '${name}' is being migrated (${claim.migrationId}); wait for it or cancel it`,
      );
    }
    await this.host.remove(spec);
  }

  private describe(spec: ContainerSpec, found: RuncContainer | undefined): Container {
    const claim = this.store.claimOf(spec.name);
    const state = found?.state ?? 'stopped';
    return {
      name: spec.name,
      ip: spec.ip.split('/')[0] ?? '',
      pid: found === undefined || state === 'stopped' ? 0 : found.pid,
      state: claim?.role === 'destination' ? this.arrivingState(spec.name, state) : state,
      spec,
      claim: claim === undefined ? null : asMessage(claim),
    };
  }

  private arrivingState(name: string, state: string): string {
    if (!this.store.hasReached(name, 'restored')) return 'created';
    return state === 'stopped' || this.store.hasReached(name, 'activated') ? state : 'restored';
  }
}

function asMessage({ migrationId, epoch, role }: Claim): NonNullable<Container['claim']> {
  return { migrationId, epoch, side: role === 'source' ? 'SIDE_SOURCE' : 'SIDE_DESTINATION' };
}
