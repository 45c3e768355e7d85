/**
 * The way into a landing: a port that strangers can reach too, and the one connection that is the migration's.
 *
 *     connected ──HELLO, as it comes──▶ whole ──right token──▶ admitted (WELCOME)
 *         └────── silent for too long ───┴── anything wrong ──▶ turned away (REFUSED)
 *
 * Goal: a stranger takes neither the place of the migration's stream nor its time. So connections are looked at
 * side by side, and of each only what it has sent already is read: no wait is for one of them alone.
 * Invariants: exactly one is admitted; every other one is turned away and closed, also when none is admitted.
 * Limits: of more than `maxCandidates` at a time the oldest has to go. A HELLO follows its connection at once, so
 * that is a stranger's, as long as strangers do not come by the thousand a second.
 */
import { timingSafeEqual } from 'node:crypto';
import { closeSync } from 'node:fs';

import { PortkeyError } from '../../../libraries/errors/index.js';
import { maxMigrationIdBytes } from '../../../libraries/hypercall/index.js';
import { acceptTcp, receiveExactly, setReceiveTimeout, waitReadable } from '../../../libraries/libc/index.js';
import type { Clock } from '../../../libraries/process/index.js';
import { MessageSocket } from './message-socket.js';
import { decodeHeader, decodeHello, encodeMessage, streamHeaderBytes, tokenBytes } from './protocol.js';

export interface AdmissionParts {
  readonly listenerFd: number;
  readonly token: Uint8Array;
  readonly migrationId: string;
  readonly clock: Pick<Clock, 'monotonicMs'>;
}

/** From OpenLanding until the source's relay has connected. */
const acceptTimeoutMs = 60_000;
const helloTimeoutMs = 5_000;
/** Between two looks at connections whose HELLO is not whole yet. */
const lookMs = 5;
const maxCandidates = 64;
const maxHelloBytes = streamHeaderBytes + tokenBytes + 2 + maxMigrationIdBytes;
/** A descriptor that poll(2) leaves out. */
const noWakeUp = -1;

export class Admission {
  private readonly candidates = new Set<Candidate>();

  constructor(private readonly parts: AdmissionParts) {}

  /** Blocks until the migration's stream is there. Throws `stream-broken` after the time, or at the listener's end. */
  admit(): MessageSocket {
    const untilMs = this.now() + acceptTimeoutMs;
    try {
      for (;;) {
        this.takeConnection(untilMs);
        for (const candidate of this.candidates) {
          if (!this.isAdmitted(candidate)) continue;
          this.candidates.delete(candidate);
          return candidate.socket;
        }
      }
    } finally {
      const late = new PortkeyError('session-unknown', 'this landing waits for no stream any more');
      for (const candidate of this.candidates) this.turnAway(candidate, late);
    }
  }

  private takeConnection(untilMs: number): void {
    const leftMs = untilMs - this.now();
    if (leftMs <= 0) throw new PortkeyError('stream-broken', 'no stream came to the landing in time');
    const waitMs = this.candidates.size === 0 ? Math.ceil(leftMs) : lookMs;
    if (!waitReadable(this.parts.listenerFd, noWakeUp, waitMs)) return;
    const [oldest] = this.candidates;
    if (oldest !== undefined && this.candidates.size === maxCandidates) {
      this.turnAway(oldest, new PortkeyError('stream-broken', 'too many connections wait at this landing'));
    }
    const socket = new MessageSocket(acceptTcp(this.parts.listenerFd, helloTimeoutMs));
    this.candidates.add(new Candidate(socket, this.now() + helloTimeoutMs));
  }

  private isAdmitted(candidate: Candidate): boolean {
    const { socket } = candidate;
    try {
      const hello = candidate.takeHello();
      if (hello === undefined) {
        if (this.now() < candidate.untilMs) return false;
        throw new PortkeyError('stream-broken', 'HELLO did not come in time');
      }
      const { token, migrationId } = this.parts;
      if (!timingSafeEqual(hello.token, token) || hello.migrationId !== migrationId) {
        throw new PortkeyError('session-unknown', 'the token does not admit to this landing');
      }
      // A connection begins with the limit of the listener that it came by.
      setReceiveTimeout(socket.fd, 0);
      socket.send(encodeMessage('welcome', 0));
      return true;
    } catch (error) {
      this.turnAway(candidate, error);
      return false;
    }
  }

  private turnAway(candidate: Candidate, reason: unknown): void {
    this.candidates.delete(candidate);
    candidate.socket.refuse(reason);
    closeSync(candidate.socket.fd);
  }

  private now(): number {
    return this.parts.clock.monotonicMs();
  }
}

/** A connection that has yet to say who it is. */
class Candidate {
  private readonly received = Buffer.from(new ArrayBuffer(maxHelloBytes));
  private receivedBytes = 0;
  /** Known once the header is there. */
  private wholeBytes = Number.POSITIVE_INFINITY;

  constructor(
    readonly socket: MessageSocket,
    readonly untilMs: number,
  ) {}

  /** Takes what has come; the HELLO once that is all of it. Never waits. Throws `stream-broken` for anything else. */
  takeHello(): { token: Buffer; migrationId: string } | undefined {
    // Byte by byte: a receive of more would wait for them.
    while (waitReadable(this.socket.fd, noWakeUp, 0)) {
      const next = this.received.subarray(this.receivedBytes, this.receivedBytes + 1);
      if (!receiveExactly(this.socket.fd, next, 1)) throw notAHello();
      this.receivedBytes += 1;
      if (this.receivedBytes === streamHeaderBytes) this.wholeBytes = this.announcedBytes();
      if (this.receivedBytes === this.wholeBytes) {
        return decodeHello(this.received.subarray(streamHeaderBytes, this.wholeBytes));
      }
    }
    return undefined;
  }

  private announcedBytes(): number {
    const { type, sequence, bodyBytes, contentBytes } = decodeHeader(this.received);
    const whole = streamHeaderBytes + bodyBytes;
    if (type !== 'hello' || sequence !== 0 || contentBytes !== 0 || whole > maxHelloBytes) throw notAHello();
    return whole;
  }
}

function notAHello(): PortkeyError {
  return new PortkeyError('stream-broken', 'a stream begins with HELLO');
}
