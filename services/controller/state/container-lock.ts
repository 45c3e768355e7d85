/**
 * Who may change a container: the short locks of `run`, `stop` and `rescue`, on the key that a migration holds for as long
 * as it takes.
 *
 * Guarantee: while one holds it, no migration of that container starts and no other run, stop or rescue touches it. Its
 * failure: a holder that takes longer than `maxHoldMs`, because it was stopped for a while, say, loses it. It can tell so by
 * `leftMs`, which whoever does something at the end that must not come late has to ask; for the others, the agents' own checks
 * (the container is being migrated, the epoch is an earlier one) still stand.
 */
import type { Clock } from '../../../libraries/process/index.js';
import { PortkeyError } from '../../../libraries/errors/index.js';
import { keys } from './keys.js';
import type { StateStoreConnection } from './redis.js';
import { Scripts } from './scripts.js';

const maxHoldMs = 120_000;

const doings = { run: 'started', stop: 'stopped', rescue: 'rescued' } as const;
type Purpose = keyof typeof doings;

export class ContainerLocks {
  private readonly scripts: Scripts;

  constructor(
    private readonly connection: StateStoreConnection,
    private readonly clock: Clock,
    private readonly newToken: () => string,
  ) {
    this.scripts = new Scripts(connection.redis);
  }

  /** Runs `work` alone, for as long as `leftMs` is more than 0. Throws `container-busy`. */
  async hold<T>(purpose: Purpose, container: string, work: (leftMs: () => number) => Promise<T>): Promise<T> {
    const holder = `${purpose}:${this.newToken()}`;
    const endMs = this.clock.monotonicMs() + maxHoldMs;
    const { verdict, detail } = await this.connection.guard(() =>
      this.scripts.run('lock', [keys.lock(container)], [holder, maxHoldMs]),
    );
    if (verdict === 'busy') throw busyError(container, detail);
    try {
      return await work(() => endMs - this.clock.monotonicMs());
    } finally {
      // If Redis is gone now, the lock goes by itself; the work's own result is what counts.
      await this.connection
        .guard(() => this.scripts.run('unlock', [keys.lock(container)], [holder]))
        .catch(() => undefined);
    }
  }
}

/** `holder` is the value of the container's lock. */
export function busyError(container: string, holder: string): PortkeyError {
  const [purpose = ''] = holder.split(':');
  if (isPurpose(purpose)) {
    return new PortkeyError(
      'container-busy',
      `container '${container}' is just being ${doings[purpose]}; try again in a moment`,
    );
  }
  return new PortkeyError(
    'container-busy',
    `container '${container}' is already being migrated (migration ${holder}); ` +
      `wait for it or cancel it with: portkey cancel ${holder}`,
  );
}

function isPurpose(text: string): text is Purpose {
  return Object.hasOwn(doings, text);
}
