/**
 * The connection to Redis, and how its failures look.
 *
 * A command that Redis does not answer within `commandTimeoutMs` fails with `state-store-unavailable`; the
 * connection heals itself in the background. One that says nothing for as long is given up for another: after a partition
 * of the network, TCP would let what was sent before wait for up to two minutes more. A command that failed like this
 * may still take effect, now or when Redis is back: so every script gives the same result when it runs twice, and
 * nothing is concluded from a missing answer. What Redis itself refuses certainly did not happen.
 */
import { readFileSync } from 'node:fs';

import { Redis, type RedisOptions } from 'ioredis';

import { PortkeyError } from '../../../libraries/errors/index.js';

const commandTimeoutMs = 2_500;

export type RedisAddress = ({ readonly path: string } | { readonly host: string; readonly port: number }) & {
  readonly user?: string | undefined;
  readonly passwordFile?: string | undefined;
};

type Place = Pick<RedisOptions, 'path' | 'host' | 'port' | 'username' | 'password'>;
type Timeouts = Pick<RedisOptions, 'commandTimeout' | 'socketTimeout'>;

export class StateStoreConnection {
  private constructor(
    readonly redis: Redis,
    private readonly address: RedisAddress,
  ) {}

  /** Throws `invalid-argument` where the password cannot be read. */
  static open(address: RedisAddress): StateStoreConnection {
    const redis = connect(address, 'portkey-controller', {
      ...{ commandTimeout: commandTimeoutMs, socketTimeout: commandTimeoutMs },
    });
    return new StateStoreConnection(redis, address);
  }

  /** Another one to the same Redis, for commands that may wait as long as it takes. The caller disconnects it. */
  patient(): Redis {
    return connect(this.address, 'portkey-controller-queue', {});
  }

  /** Runs `work` and turns its failure into a PortkeyError. */
  async guard<T>(work: (redis: Redis) => Promise<T>): Promise<T> {
    try {
      return await work(this.redis);
    } catch (error) {
      if (error instanceof PortkeyError) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      const refusal = isReplyError(error) ? 'refused a command' : 'does not answer';
      throw new PortkeyError(
        'state-store-unavailable',
        `Redis at ${nameOf(this.address)} ${refusal} (${reason}); see that it runs and can write, then try again`,
        { cause: error },
      );
    }
  }

  async answers(): Promise<boolean> {
    try {
      await this.redis.ping();
      return true;
    } catch {
      return false;
    }
  }

  /**
   * Whether Redis says that it keeps no append-only file; false where it does not say. How often it is written to the disk
   * (`appendfsync`) is told to administrators only, which the controller is not.
   */
  async isVolatile(): Promise<boolean> {
    const info = await this.redis.info('persistence').catch(() => '');
    return /^aof_enabled:0\r?$/m.test(info);
  }

  close(): void {
    this.redis.disconnect();
  }
}

/** Where to connect, and as whom. Throws `invalid-argument`. */
export function redisOptions({ user, passwordFile, ...place }: RedisAddress): Place {
  return {
    ...place,
    ...(user === undefined ? {} : { username: user }),
    ...(passwordFile === undefined ? {} : { password: readPassword(passwordFile) }),
  };
}

function readPassword(file: string): string {
  try {
    return readFileSync(file, 'utf8').trimEnd();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new PortkeyError('invalid-argument', `cannot read Redis' password: ${reason}`, { cause });
  }
}

function connect(address: RedisAddress, connectionName: string, options: Timeouts): Redis {
  const redis = new Redis({
    ...{ ...redisOptions(address), ...options, connectionName, connectTimeout: commandTimeoutMs },
    // The command timeout alone decides: a Redis that is back before it costs nothing but time.
    maxRetriesPerRequest: null,
    retryStrategy: (attempt) => Math.min(50 * attempt, 500),
  });
  // Each command reports its own failure; without a listener ioredis would print every failed reconnect.
  return redis.on('error', () => undefined);
}

function nameOf(address: RedisAddress): string {
  return 'path' in address ? address.path : `${address.host}:${address.port}`;
}

/** An error that Redis itself answered: the command had no effect. */
export function isReplyError(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError';
}

/** Whether a failed command certainly had no effect, because Redis itself said so. */
export function hadNoEffect(error: unknown): boolean {
  return error instanceof PortkeyError && isReplyError(error.cause);
}
