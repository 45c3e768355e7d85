/**
 * All sessions of this relay, by VM and migration. One migration has at most one session per VM here.
 *
 * A session stays until it is closed, also when its stream has ended or its controller is gone: the controller
 * that comes back closes it. A migration that has ended gets none any more: a call of it may have been on its way for long,
 * and nobody would close its session again. That is remembered of the last `keptEnded`, as long as the relay runs; a call that
 * was meant for an earlier start of it, which may have ended the migration, opens nothing.
 */
import { PortkeyError } from '../../../libraries/errors/index.js';
import type { Endpoint } from '../../../libraries/libc/index.js';
import { LandingSession } from './landing-session.js';
import { OutgoingSession } from './outgoing-session.js';
import type { Session } from './session.js';

export interface Totals {
  readonly pages: number;
  readonly zeroPages: number;
  readonly sentBytes: number;
  readonly landedBytes: number;
}

const keptEnded = 1_000;

export class Sessions {
  private readonly ended = new Set<string>();
  private readonly sessions = new Map<string, Session>();
  /** Of sessions that are closed. */
  private past: Totals = { pages: 0, zeroPages: 0, sentBytes: 0, landedBytes: 0 };

  /** `relayStart`: what no other start of this relay has. */
  constructor(readonly relayStart: string) {}

  get count(): number {
    return this.sessions.size;
  }

  /** Whether a migration is under way in which this VM has no part. */
  hasOthers(vm: string): boolean {
    for (const { migrationId } of this.sessions.values())
      if (!this.sessions.has(keyOf(vm, migrationId))) return true;
    return false;
  }

  /** What all sessions moved, since the relay started. */
  totals(): Totals {
    return [...this.sessions.values()].reduce(plus, this.past);
  }

  /** `relayStart`: the one that the caller has looked at, empty where it has not. Throws `relay-unavailable`. */
  requireSameStart(migrationId: string, relayStart: string): void {
    if (relayStart === '' || relayStart === this.relayStart) return;
    throw new PortkeyError(
      'relay-unavailable',
      `the relay was started anew after migration ${migrationId} had looked at it, and knows nothing of that; migrate again`,
    );
  }

  /** Throws `transition-refused` where the migration has a session of this VM already, `stale-epoch` where it has ended. */
  requireNone(vm: string, migrationId: string): void {
    if (this.ended.has(keyOf(vm, migrationId))) {
      throw new PortkeyError(
        'stale-epoch',
        `migration ${migrationId} has ended for ${vm} already; this call of it came too late, and changes nothing`,
      );
    }
    if (!this.sessions.has(keyOf(vm, migrationId))) return;
    throw new PortkeyError(
      'transition-refused',
      `migration ${migrationId} has a session for ${vm} already; close it first`,
    );
  }

  /** Throws what `requireNone` and `make` throw. */
  add<S extends Session>(vm: string, migrationId: string, make: () => S): S {
    this.requireNone(vm, migrationId);
    const session = make();
    this.sessions.set(keyOf(vm, migrationId), session);
    return session;
  }

  /** Throws `session-unknown`. */
  get(vm: string, migrationId: string): Session {
    const session = this.sessions.get(keyOf(vm, migrationId));
    if (session !== undefined) return session;
    throw new PortkeyError(
      'session-unknown',
      `there is no session of migration ${migrationId} for ${vm}; was the relay restarted?`,
    );
  }

  outgoing(vm: string, migrationId: string): OutgoingSession {
    const session = this.get(vm, migrationId);
    if (session instanceof OutgoingSession) return session;
    throw new PortkeyError('session-unknown', `${vm} is not the source of migration ${migrationId}`);
  }

  landing(vm: string, migrationId: string): LandingSession {
    const session = this.get(vm, migrationId);
    if (session instanceof LandingSession) return session;
    throw new PortkeyError('session-unknown', `${vm} is not the destination of migration ${migrationId}`);
  }

  /** The landing here that admits a stream to this address, if there is one. */
  admitting(migrationId: string, peer: Endpoint, token: Uint8Array): LandingSession | undefined {
    return [...this.sessions.values()].find(
      (session): session is LandingSession =>
        session instanceof LandingSession && session.admits(migrationId, peer, token),
    );
  }

  /** Closes it, and lets the migration have no other. */
  async end(vm: string, migrationId: string): Promise<void> {
    this.ended.add(keyOf(vm, migrationId));
    for (const oldest of this.ended) {
      if (this.ended.size <= keptEnded) break;
      this.ended.delete(oldest);
    }
    await this.close(vm, migrationId);
  }

  /** One that is not there is fine. Resolves when its thread is gone. */
  async close(vm: string, migrationId: string): Promise<void> {
    const key = keyOf(vm, migrationId);
    const session = this.sessions.get(key);
    if (session === undefined) return;
    await session.close();
    if (this.sessions.get(key) !== session) return;
    this.sessions.delete(key);
    this.past = plus(this.past, session);
  }

  async closeAll(): Promise<void> {
    await Promise.all([...this.sessions.values()].map((session) => session.close()));
    this.sessions.clear();
  }
}

function plus({ pages, zeroPages, sentBytes, landedBytes }: Totals, session: Session): Totals {
  const moved = session.transfer();
  const isLanding = session instanceof LandingSession;
  return {
    pages: pages + moved.pages,
    zeroPages: zeroPages + moved.zeroPages,
    sentBytes: sentBytes + (isLanding ? 0 : moved.bytes),
    landedBytes: landedBytes + (isLanding ? moved.bytes : 0),
  };
}

/** Neither part can hold a slash: see `requireMigrationId` (libraries/rpc), and VM names come from the configuration. */
function keyOf(vm: string, migrationId: string): string {
  return `${migrationId}/${vm}`;
}
