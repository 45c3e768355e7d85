/**
 * The life of containers in this VM outside of migrations: run, list, stop.
 *
 * A container exists once its folder does. The link comes up before runc starts it, so that its first packet
 * finds the network.
 */
import { PortkeyError } from '../../libraries/errors/index.js';
import type { Container, ContainerSpec } from '../../libraries/rpc/index.js';
import type { ContainerHost, ContainerStore, Runc, RuncContainer } from '../../libraries/runtime/index.js';

export class Containers {
  constructor(
    private readonly host: ContainerHost,
    private readonly store: ContainerStore,
    private readonly runc: Runc,
  ) {}

  async run(spec: ContainerSpec): Promise<Container> {
    if (spec.command.length === 0)
      throw new PortkeyError(
        'invalid-argument',
        `container '${spec.name}' has no command; give one after --`,
      );
    await this.host.make(spec);
    try {
      this.host.network(spec).setLink(true);
      await this.runc.start(spec.name, this.store.folder(spec.name));
    } catch (error) {
      await this.host.remove(spec);
      throw error;
    }
    return toContainer(spec, await this.runc.find(spec.name));
  }

  async list(): Promise<Container[]> {
    const running = new Map((await this.runc.list()).map((container) => [container.name, container]));
    return (await this.store.names())
      .map((name) => this.findWhole(name))
      .filter((spec) => spec !== undefined)
      .map((spec) => toContainer(spec, running.get(spec.name)));
  }

  /** One that cannot be read must not hide the others. */
  private findWhole(name: string): ContainerSpec | undefined {
    try {
      return this.store.find(name);
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
}

function toContainer(spec: ContainerSpec, found: RuncContainer | undefined): Container {
  const running = found !== undefined && found.state !== 'stopped';
  return {
    name: spec.name,
    ip: spec.ip.split('/')[0] ?? '',
    pid: running ? found.pid : 0,
    state: found?.state ?? 'stopped',
    spec,
  };
}
