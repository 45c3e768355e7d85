/**
 * Which container has which address, and was started where, in Redis: so that two containers started at once do not get the
 * same address, and a container is not started a second time where a VM that does not answer may have it.
 *
 *     (none) ──reserve──▶ entry ──release: it was stopped, or certainly did not start──▶ (none)
 *                          └── void: all VMs answer, none has the container, and it was reserved long ago ──▶ (none)
 *
 * An entry is made before a container starts, also for one on its VM's own network, which has no address. It stays where nobody
 * knows whether the container has started. What the VMs say counts for more: where all of them answer and none has the
 * container, its name is free.
 *
 * Limits: a Redis that was emptied has forgotten what the VMs that are silent then have.
 */
import { z } from 'zod';

import type { Clock } from '../../../libraries/process/index.js';
import { keys } from './keys.js';
import type { StateStoreConnection } from './redis.js';
import { Scripts } from './scripts.js';

const entrySchema = z.object({
  container: z.string(),
  at: z.number(),
  /** Empty in one that was made before it was noted. */
  vm: z.string().default(''),
});

/** A container that is not there so long after its address was reserved will not come any more. */
const startTimeoutMs = 120_000;

export interface Starting {
  readonly container: string;
  /** Where it is about to be started. */
  readonly vm: string;
}

export class AddressBook {
  private readonly scripts: Scripts;

  constructor(
    private readonly connection: StateStoreConnection,
    private readonly clock: Clock,
  ) {
    this.scripts = new Scripts(connection.redis);
  }

  /**
   * Reserves the first free one of `candidates`, none of which any VM has in use. `known`: all containers that there are,
   * where all VMs have answered; entries of others may be void then. Returns undefined where none is free.
   */
  async reserve(
    { container, vm }: Starting,
    candidates: readonly string[],
    known: readonly string[] | undefined,
  ): Promise<string | undefined> {
    const now = this.clock.wallTime().getTime();
    const voidBefore = known === undefined ? 0 : now - startTimeoutMs;
    const names = known ?? [];
    const { verdict, detail } = await this.connection.guard(() =>
      this.scripts.run(
        'reserve-address',
        [keys.addresses],
        [container, vm, now, voidBefore, names.length, ...names, ...candidates],
      ),
    );
    return verdict === 'applied' ? detail : undefined;
  }

  /** For a container that needs no address. */
  async enter(starting: Starting, known: readonly string[] | undefined): Promise<void> {
    await this.reserve(starting, [`name:${starting.container}`], known);
  }

  /** All that the container has. */
  async release(container: string): Promise<void> {
    await this.connection.guard(() => this.scripts.run('release-address', [keys.addresses], [container]));
  }

  /** The containers that have an entry, and where they were started, or '' where that is not known. */
  async holders(): Promise<Map<string, string>> {
    const entries = await this.connection.guard((redis) => redis.hvals(keys.addresses));
    return new Map(
      entries.map((entry) => {
        const { container, vm } = entrySchema.parse(JSON.parse(entry));
        return [container, vm];
      }),
    );
  }
}
