/**
 * The way into a landing: a port that strangers can reach too, and the connections that are the migration's streams.
 *
 *     connected ──HELLO, as it comes──▶ whole ──right token──▶ in the group ──group complete──▶ admitted (WELCOME)
 *         └────── silent for too long ───┴── anything wrong ──▶ turned away (REFUSED)
 *
 * Goal: a stranger takes neither the place of one of the migration's streams nor its time. So connections are looked
 * at side by side, and of each only what it has sent already is read: no wait is for one of them alone.
 * Invariants: one group is admitted, all of it at once; every other connection is turned away and closed, also when
 * none is admitted. The token is good once: when a group is admitted nobody listens any more. Limits: of more than `maxCandidates` at a time the oldest has to go. A HELLO follows its
 * connection at once, so that is a stranger's, as long as strangers do not come by the thousand a second.
 */
import { timingSafeEqual } from 'node:crypto';
import { closeSync } from 'node:fs';

import { asPortkeyError, PortkeyError } from '../../../libraries/errors/index.js';
import { acceptTcp, noWakeUp, shutdownSocket, waitReadable } from '../../../libraries/libc/index.js';
import type { Clock } from '../../../libraries/process/index.js';
import type { ByteSockets, StreamSecurity } from './byte-socket.js';
import { Candidate } from './candidate.js';
import { MessageSocket } from './message-socket.js';
import { openSockets } from './open-sockets.js';
import type { LandingPort } from './receiver-messages.js';
import { StreamGroup, type AdmittedStreams } from './stream-group.js';

export interface AdmissionParts extends LandingPort {
  readonly security: StreamSecurity;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  /** A connection was none of the streams. */
  readonly onTurnedAway: (reason: PortkeyError) => void;
}

/** From OpenLanding until the source's relay has connected, with all streams. */
const acceptTimeoutMs = 60_000;
const helloTimeoutMs = 5_000;
/** Between two looks at connections that wait: for the rest of a HELLO, or for the rest of the group. */
const lookMs = 5;
const maxCandidates = 64;

export class Admission {
  private readonly candidates = new Set<Candidate>();
  private readonly group = new StreamGroup();
  private readonly sockets: ByteSockets;

  constructor(private readonly parts: AdmissionParts) {
    this.sockets = openSockets(parts.security);
  }

  /** Blocks until the migration's streams are there. Throws `stream-broken` after the time, or at the listener's end. */
  admit(): AdmittedStreams {
    const untilMs = this.now() + acceptTimeoutMs;
    const late = new PortkeyError('session-unknown', 'this landing waits for no stream any more');
    try {
      while (!this.group.isComplete) {
        this.takeConnection(untilMs);
        // First, because whoever has lost a connection may come again at once.
        this.group.dropEnded();
        for (const candidate of this.candidates) this.look(candidate);
      }
      shutdownSocket(this.parts.listenerFd);
      return this.group.welcome();
    } catch (error) {
      this.group.turnAway(late);
      throw error;
    } finally {
      for (const candidate of this.candidates) candidate.socket.turnAway(late);
      this.candidates.clear();
      this.sockets.close();
    }
  }

  private takeConnection(untilMs: number): void {
    const leftMs = untilMs - this.now();
    if (leftMs <= 0) throw new PortkeyError('stream-broken', 'no stream came to the landing in time');
    const isWaitedFor = this.candidates.size > 0 || !this.group.isEmpty;
    if (!waitReadable(this.parts.listenerFd, noWakeUp, isWaitedFor ? lookMs : Math.ceil(leftMs))) return;
    const [oldest] = this.candidates;
    if (oldest !== undefined && this.candidates.size === maxCandidates) {
      this.turnAway(oldest, new PortkeyError('stream-broken', 'too many connections wait at this landing'));
    }
    const fd = acceptTcp(this.parts.listenerFd, helloTimeoutMs);
    try {
      const socket = new MessageSocket(this.sockets.accepted(fd, this.parts.sourceHost));
      this.candidates.add(new Candidate(socket, this.now() + helloTimeoutMs));
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  private look(candidate: Candidate): void {
    try {
      const hello = candidate.takeHello();
      if (hello === undefined) {
        if (this.now() < candidate.untilMs) return;
        throw new PortkeyError('stream-broken', 'HELLO did not come in time');
      }
      const { token, migrationId } = this.parts;
      if (!timingSafeEqual(hello.token, token) || hello.migrationId !== migrationId) {
        throw new PortkeyError('session-unknown', 'the token does not admit to this landing');
      }
      this.group.add(candidate.socket, hello);
      this.candidates.delete(candidate);
    } catch (error) {
      this.turnAway(candidate, error);
    }
  }

  private turnAway(candidate: Candidate, reason: unknown): void {
    this.candidates.delete(candidate);
    candidate.socket.turnAway(reason);
    this.parts.onTurnedAway(asPortkeyError(reason));
  }

  private now(): number {
    return this.parts.clock.monotonicMs();
  }
}
