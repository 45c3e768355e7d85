/**
 * The connection to Redis, and how its failures look.
 *
 * A command that Redis does not answer within `commandTimeoutMs` fails with `state-store-unavailable`; the
 * connection heals itself in the background. One that says nothing for as long is given up for another: after a partition
 * of the network, TCP would let what was sent before wait for up to two minutes more. While there is none, a command waits
 * for it as long, and then fails without having been sent: nothing is kept for later, so a Redis that is away for days costs
 * no memory, and is not met by days of stale commands when it is back. A command that was sent and failed like this may
 * still take effect, if it is on its way to Redis: so every script gives the same result when it runs twice, and
 * nothing is concluded from a missing answer. What Redis cannot write, as it says itself, certainly did not happen.
 */
import { readFileSync } from 'node:fs';

import type { Redis, RedisOptions } from 'ioredis';

import { PortkeyError } from '../../../libraries/errors/index.js';
import { PromptClient, QueueClient } from './redis-clients.js';

const commandTimeoutMs = 2_500;
/** Of a script, at its first command that writes (Redis' script.c, scriptVerifyWriteCommandAllow and scriptVerifyOOM). */
const couldNotWrite = /^(OOM|MISCONF|NOREPLICAS) /;
const unknownFailure = 'no connection to it comes about';

export type RedisAddress = ({ readonly path: string } | { readonly host: string; readonly port: number }) & {
  readonly user?: string | undefined;
  readonly passwordFile?: string | undefined;
};

type Place = Pick<RedisOptions, 'path' | 'host' | 'port' | 'username' | 'password'>;

export class StateStoreConnection {
  /** Those that wait for a connection. */
  private readonly waiting = new Set<() => void>();
  /** Why there is none. */
  private failure = unknownFailure;

  private constructor(
    readonly redis: Redis,
    private readonly address: RedisAddress,
  ) {
    const wake = (): void => {
      this.failure = unknownFailure;
      for (const goOn of this.waiting) goOn();
    };
    redis.on('ready', wake).on('end', wake);
    // Each command reports its own failure; without a listener ioredis would print every failed reconnect.
    redis.on('error', ({ message }: Error) => (this.failure = message));
  }

  /** Throws `invalid-argument` where the password cannot be read. */
  static open(address: RedisAddress): StateStoreConnection {
    const redis = new PromptClient({
      ...{ ...optionsFor(address, 'portkey-controller'), commandTimeout: commandTimeoutMs },
      enableOfflineQueue: false,
    });
    return new StateStoreConnection(redis, address);
  }

  /** Another one to the same Redis, for commands that may wait as long as it takes. The caller disconnects it. */
  patient(): Redis {
    const redis = new QueueClient(optionsFor(this.address, 'portkey-controller-queue'));
    return redis.on('error', () => undefined);
  }

  /**
   * Tells each time that Redis is lost, why, and each time that it is there, with undefined. A connection that comes about and
   * is not let in counts as lost.
   */
  watch(listener: (problem: PortkeyError | undefined) => void): void {
    let isThere: boolean | undefined;
    this.redis.on('ready', () => {
      if (isThere === true) return;
      isThere = true;
      listener(undefined);
    });
    this.redis.on('error', ({ message }: Error) => {
      if (isThere === false || this.redis.status === 'ready') return;
      isThere = false;
      listener(this.unavailable('does not answer', message));
    });
  }

  /** Runs `work` and turns its failure into a PortkeyError. */
  async guard<T>(work: (redis: Redis) => Promise<T>): Promise<T> {
    try {
      await this.untilConnected();
      return await work(this.redis);
    } catch (error) {
      if (error instanceof PortkeyError) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      const refusal = isReplyError(error) ? 'refused a command' : 'does not answer';
      throw this.unavailable(refusal, reason, error);
    }
  }

  private unavailable(what: string, reason: string, cause?: unknown): PortkeyError {
    return new PortkeyError(
      'state-store-unavailable',
      `Redis at ${nameOf(this.address)} ${what} (${reason}); see that it runs and can write, then try again`,
      cause === undefined ? {} : { cause },
    );
  }

  async answers(): Promise<boolean> {
    try {
      await this.guard((redis) => redis.ping());
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
    const info = await this.guard((redis) => redis.info('persistence')).catch(() => '');
    return /^aof_enabled:0\r?$/m.test(info);
  }

  close(): void {
    this.redis.disconnect();
  }

  /** One that is closed for good says so itself to whoever asks. */
  private async untilConnected(): Promise<void> {
    const { redis } = this;
    // The stream may have ended, and its end not have been noticed yet.
    const isDecided = (): boolean =>
      redis.status === 'end' || (redis.status === 'ready' && redis.stream.writable);
    if (isDecided()) return;
    let goOn: () => void = () => undefined;
    const decided = new Promise<void>((resolve) => (goOn = resolve));
    const timer = setTimeout(goOn, commandTimeoutMs);
    this.waiting.add(goOn);
    await decided;
    this.waiting.delete(goOn);
    clearTimeout(timer);
    if (!isDecided()) throw new Error(this.failure);
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

function optionsFor(address: RedisAddress, connectionName: string) {
  return {
    ...{ ...redisOptions(address), connectionName },
    ...{ connectTimeout: commandTimeoutMs, socketTimeout: commandTimeoutMs },
    // What is on its way when the connection breaks goes by the next one, if that comes about in time.
    maxRetriesPerRequest: null,
    retryStrategy: (attempt: number) => Math.min(50 * attempt, 500),
  };
}

function nameOf(address: RedisAddress): string {
  return 'path' in address ? address.path : `${address.host}:${address.port}`;
}

/** An error that Redis itself answered. */
export function isReplyError(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError';
}

/**
 * Whether a failed command certainly had no effect, because Redis itself said that it could not write. Other refusals may be of
 * its second sending, by the connection after the one that broke, when the first had come through: a login that has lost its
 * rights in between, say. One that has been carried out writes nothing when it is repeated.
 */
export function hadNoEffect(error: unknown): boolean {
  return (
    error instanceof PortkeyError && isReplyError(error.cause) && couldNotWrite.test(error.cause.message)
  );
}
