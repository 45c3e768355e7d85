/**
 * How many migrations a host takes part in at once, as source or as destination: counted in Redis, for all controllers.
 *
 * A place is a lease. Whoever runs a migration holds on to its places while it lasts (`hold`), so those of a controller
 * that died are free after a while, or its successor's: they are the migration's and not the controller's.
 *
 * Limits: while Redis is away nobody can hold on to anything, and for as long as the leases have run out then there may
 * be more migrations at work than the limit says. It spares hosts; nothing depends on it.
 */
import { keys } from './keys.js';
import type { StateStoreConnection } from './redis.js';
import { Scripts } from './scripts.js';

export interface FullHost {
  readonly host: string;
  /** The migrations that have its places. */
  readonly holders: readonly string[];
}

export class HostSlots {
  private readonly scripts: Scripts;

  constructor(
    private readonly connection: StateStoreConnection,
    /** On each host. */
    readonly most: number,
    private readonly leaseMs: number,
  ) {
    this.scripts = new Scripts(connection.redis);
  }

  /** Takes a place on each of `hosts`, or none; returns the first that has none. */
  take(id: string, hosts: readonly string[]): Promise<FullHost | undefined> {
    return this.run(id, hosts, this.most);
  }

  /** Keeps the places for another lease, and takes them in any case if they have been lost. */
  async hold(id: string, hosts: readonly string[]): Promise<void> {
    await this.run(id, hosts, 0);
  }

  async free(id: string, hosts: readonly string[]): Promise<void> {
    if (hosts.length === 0) return;
    await this.connection.guard(() => this.scripts.run('free-slots', hosts.map(keys.host), [id]));
  }

  private async run(id: string, hosts: readonly string[], most: number): Promise<FullHost | undefined> {
    if (hosts.length === 0) return undefined;
    const { verdict, detail } = await this.connection.guard(() =>
      this.scripts.run('take-slots', hosts.map(keys.host), [id, most, this.leaseMs]),
    );
    if (verdict !== 'full') return undefined;
    const [index = '', holders = ''] = detail.split(':');
    return { host: hosts[Number(index) - 1] ?? '', holders: holders.split(',') };
  }
}
