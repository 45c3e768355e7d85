/**
 * The way into a landing: a port that strangers can reach too, and the connections that are the migration's streams.
 *
 *     connected ──HELLO, as it comes──▶ whole ──right token──▶ in the group ──group complete──▶ admitted (WELCOME)
 *         └────── silent for too long ───┴── anything wrong ──▶ turned away (REFUSED)
 *
 * Goal: a stranger takes neither the place of one of the migration's streams nor its time. So connections are looked
 * at side by side, and of each only what it has sent already is read: no wait is for one of them alone.
 * Invariants: one group is admitted, all of it at once; every other connection is turned away and closed, also when
 * none is admitted. Limits: of more than `maxCandidates` at a time the oldest has to go. A HELLO follows its
 * connection at once, so that is a stranger's, as long as strangers do not come by the thousand a second.
 */
import { timingSafeEqual } from 'node:crypto';

import { PortkeyError } from '../../../libraries/errors/index.js';
import { acceptTcp, noWakeUp, waitReadable } from '../../../libraries/libc/index.js';
import type { Clock } from '../../../libraries/process/index.js';
import { Candidate } from './candidate.js';
import { MessageSocket } from './message-socket.js';
import type { LandingPort } from './receiver-messages.js';
import { StreamGroup, type AdmittedStreams } from './stream-group.js';

export interface AdmissionParts extends LandingPort {
  readonly clock: Pick<Clock, 'monotonicMs'>;
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

  constructor(private readonly parts: AdmissionParts) {}

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
      return this.group.welcome();
    } catch (error) {
      this.group.turnAway(late);
      throw error;
    } finally {
      for (const candidate of this.candidates) this.turnAway(candidate, late);
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
    const socket = new MessageSocket(acceptTcp(this.parts.listenerFd, helloTimeoutMs));
    this.candidates.add(new Candidate(socket, this.now() + helloTimeoutMs));
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
  }

  private now(): number {
    return this.parts.clock.monotonicMs();
  }
}
