/**
 * Which container has which address, in Redis, so that two containers started at once do not get the same one.
 *
 * An entry is made before a container starts and goes when it is stopped. What the VMs say counts for more: an
 * entry that no VM confirms is void after a while (`voidBeforeMs`), unless a VM is silent and may have it.
 */
import { z } from 'zod';

import type { Clock } from '../../../libraries/process/index.js';
import { keys } from './keys.js';
import type { StateStoreConnection } from './redis.js';
import { Scripts } from './scripts.js';

const entrySchema = z.object({ container: z.string(), at: z.number() });

/** A container that is not there so long after its address was reserved will not come any more. */
const startTimeoutMs = 120_000;

export class AddressBook {
  private readonly scripts: Scripts;

  constructor(
    private readonly connection: StateStoreConnection,
    private readonly clock: Clock,
  ) {
    this.scripts = new Scripts(connection.redis);
  }

  /**
   * Reserves the first free one of `candidates`, none of which any VM has in use. `allVmsAnswered`: entries that
   * no VM confirms may be taken over. Returns undefined where none is free.
   */
  async reserve(
    container: string,
    candidates: readonly string[],
    allVmsAnswered: boolean,
  ): Promise<string | undefined> {
    const now = this.clock.wallTime().getTime();
    const { verdict, detail } = await this.connection.guard(() =>
      this.scripts.run(
        'reserve-address',
        [keys.addresses],
        [container, now, allVmsAnswered ? now - startTimeoutMs : 0, ...candidates],
      ),
    );
    return verdict === 'applied' ? detail : undefined;
  }

  async release(container: string, address: string): Promise<void> {
    await this.connection.guard(() =>
      this.scripts.run('release-address', [keys.addresses], [container, address]),
    );
  }

  /** The containers that have an address. */
  async holders(): Promise<Set<string>> {
    const entries = await this.connection.guard((redis) => redis.hvals(keys.addresses));
    return new Set(entries.map((entry) => entrySchema.parse(JSON.parse(entry)).container));
  }
}
