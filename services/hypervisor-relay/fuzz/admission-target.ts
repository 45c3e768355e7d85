/**
 * What strangers, and the migration's streams among them, do at a landing's port: connections without a word, with any bytes,
 * with HELLOs that come in pieces, lie or are said twice, that leave or say more, and crowds of them, as time passes. The
 * real admission on a real port, without TLS: with it, these are the bytes inside, of whoever has a relay's certificate.
 *
 * Rules: one group is admitted, each of its streams once, and all with the right token; everybody else is turned away, and
 * its connection ended; where nobody else has the token, all streams that come are admitted, whoever comes besides; what ends
 * the admission is `stream-broken`; no descriptor is left open.
 */
import assert from 'node:assert/strict';
import { closeSync, readdirSync } from 'node:fs';

import { PortkeyError } from '../../../libraries/errors/index.js';
import { mutate, Random, withoutNumbers, type Target } from '../../../libraries/fuzzing/index.js';
import { listenTcp, noWakeUp, waitReadable } from '../../../libraries/libc/index.js';
import { Admission } from '../stream/admission.js';
import { decodeHello, helloBody, tokenBytes, type StreamHello } from '../stream/bodies.js';
import { decodeHeader, encodeMessage, streamHeaderBytes } from '../stream/protocol.js';
import type { AdmittedStreams } from '../stream/stream-group.js';
import { Visitor } from './strangers.js';
import { stepCases, type Step, type Steps } from './steps.js';

export type Visits = Steps;

const kinds = ['honest', 'silent', 'anything', 'guess', 'thief', 'more', 'leave', 'tick', 'crowd'] as const;
type Kind = (typeof kinds)[number];
/** Of what is as it should be. */
const plainSeed = 2;
const maxSteps = 16;
const token = Buffer.alloc(tokenBytes, 7);
const migrationId = 'm-1';
/** More than the admission takes at a time. */
const crowdSize = 66;
/** No stream may come later. */
const admissionMs = 60_000;
const arrivalMs = 5_000;

export function admissionTarget(): Target<Visits> {
  const descriptors = openDescriptors();
  const step = (kind: Kind, seed = plainSeed): Step => [kinds.indexOf(kind), seed];
  let caseCount = 0;
  return {
    name: 'visitors of a landing',
    seeds: [
      [step('honest'), step('silent'), step('honest'), step('anything'), step('honest')],
      [step('guess'), step('more'), step('more'), step('honest')],
      [step('thief'), step('thief', 3), step('more'), step('tick')],
    ],
    ...stepCases(kinds, maxSteps),
    run: (visits) => {
      caseCount += 1;
      // Ports that were used lately cannot be had again at once; each address has its own.
      const address = `127.0.${caseCount % 250}.${1 + (Math.floor(caseCount / 250) % 250)}`;
      return new VisitedLanding(address, visits).run();
    },
    rest: () => assert.equal(openDescriptors(), descriptors, 'descriptors were left open'),
  };
}

class VisitedLanding {
  private readonly listener: { readonly fd: number; readonly port: number };
  private readonly visitors: Visitor[] = [];
  private readonly reasons = new Set<string>();
  private readonly toCome: Step[];
  /** Of the migration's own. */
  private readonly streamCount: number;
  private honestCount = 0;
  private hasThief = false;
  private hasCome = false;
  /** A busy machine delivers late, and the admission may look at its streams so often until they are there. */
  private patience = 1_000;
  /** By the case's steps. */
  private passedMs = 0;
  /** So that the admission ends. */
  private skippedMs = 0;

  constructor(
    private readonly address: string,
    visits: Visits,
  ) {
    this.listener = listenTcp(address);
    this.toCome = [...visits];
    this.streamCount = 1 + (visits.length % 3);
  }

  run(): string {
    let admitted: AdmittedStreams | undefined;
    try {
      try {
        admitted = this.admit();
      } finally {
        // Ends those who were not even looked at.
        closeSync(this.listener.fd);
      }
      this.requireRight(admitted);
      return `${admitted === undefined ? 'none' : 'admitted'}: ${[...this.reasons].sort().join('; ')}`;
    } finally {
      for (const visitor of this.visitors) visitor.leave();
      if (admitted !== undefined)
        for (const socket of [admitted.first, ...admitted.others]) {
          socket.bytes.free();
          closeSync(socket.fd);
        }
    }
  }

  private admit(): AdmittedStreams | undefined {
    const admission = new Admission({
      listenerFd: this.listener.fd,
      token,
      migrationId,
      sourceHost: 'host-a',
      security: 'insecure',
      clock: { monotonicMs: () => this.now() },
      onTurnedAway: (reason) => this.note(reason),
    });
    try {
      return admission.admit();
    } catch (error) {
      if (!(error instanceof PortkeyError) || error.code !== 'stream-broken') throw error;
      this.reasons.add(withoutNumbers(error.message));
      return undefined;
    }
  }

  private note({ code, message }: PortkeyError): void {
    assert.ok(code === 'stream-broken' || code === 'session-unknown', `turned away with ${code}: ${message}`);
    this.reasons.add(withoutNumbers(message));
  }

  /** Somebody comes whenever nobody waits, so that the admission need not wait; when all have come its time is over. */
  private now(): number {
    while (!waitReadable(this.listener.fd, noWakeUp, 0)) {
      const [kind, seed] = this.toCome.shift() ?? [];
      if (kind !== undefined) this.steps[kinds[kind] ?? 'silent'](new Random(seed ?? 0));
      else if (!this.hasCome) {
        // What came last is looked at once more.
        this.hasCome = true;
        this.come(Buffer.alloc(0), 0);
      } else {
        if (!this.isOwed || this.patience === 0) this.skippedMs += admissionMs;
        else this.patience -= 1;
        break;
      }
    }
    return this.passedMs + this.skippedMs;
  }

  /** All streams have come in time, and nobody who could take a place of theirs. */
  private get isOwed(): boolean {
    return this.passedMs < admissionMs && !this.hasThief && this.honestCount === this.streamCount;
  }

  private readonly steps: Readonly<Record<Kind, (random: Random) => void>> = {
    honest: () => {
      if (this.honestCount === this.streamCount) return;
      const hello = helloOf({ stream: this.honestCount, streamCount: this.streamCount });
      this.honestCount += 1;
      this.come(hello, hello.length, true);
    },
    silent: () => this.come(Buffer.alloc(0), 0),
    anything: (random) => this.come(random.bytes(1 + random.below(200)), 200),
    guess: (random) => {
      const almost = Buffer.from(token);
      almost.writeUInt8(random.below(7), random.pick([0, tokenBytes - 1]));
      this.comeWith(
        random.once(3) ? { migrationId: random.pick(['', 'm-2', 'm-1 ']) } : { token: almost },
        random,
      );
    },
    thief: (random) => {
      this.hasThief = true;
      this.comeWith({}, random);
    },
    more: (random) => this.anyStranger(random)?.say(random.pick([1, 1, streamHeaderBytes, 40, 200])),
    leave: (random) => this.anyStranger(random)?.leave(),
    tick: (random) => void (this.passedMs += random.pick([1, 1_000, 4_999, 5_000, 5_001, 30_000])),
    crowd: (random) => {
      // Seldom, because each look is at all of them.
      const size = random.once(3_000) ? crowdSize : 2;
      this.toCome.unshift(...Array.from({ length: size }, (): Step => [kinds.indexOf('silent'), 0]));
    },
  };

  /** All of its HELLO at once, or a part; some changed. */
  private comeWith(said: Partial<StreamHello>, random: Random): void {
    const streamCount = random.once(4) ? random.number([0, 1, 8, 2 ** 32 - 2]) : this.streamCount;
    const stream = random.once(4) ? random.number([0, 8, 2 ** 32 - 2]) : random.below(this.streamCount);
    const hello = helloOf({ stream, streamCount, ...said });
    const isChanged = random.once(4);
    // A changed one may have become right.
    if (isChanged) this.hasThief ||= said.token === undefined && said.migrationId === undefined;
    const words = isChanged ? mutate(hello, hello, random) : hello;
    this.come(words, random.once(2) ? words.length : 1 + random.below(words.length));
  }

  private come(hello: Buffer, byteLength: number, isHonest = false): void {
    const visitor = new Visitor(hello, isHonest);
    this.visitors.push(visitor);
    visitor.come(this.address, this.listener.port);
    if (byteLength > 0) visitor.say(byteLength);
    assert.ok(
      waitReadable(this.listener.fd, noWakeUp, arrivalMs),
      'a connection that was made did not arrive',
    );
  }

  private anyStranger(random: Random): Visitor | undefined {
    const strangers = this.visitors.filter(({ isHonest }) => !isHonest);
    return strangers[random.below(strangers.length)];
  }

  private requireRight(admitted: AdmittedStreams | undefined): void {
    const answered = this.visitors.map((visitor) => ({ visitor, answers: visitor.answers() }));
    const welcomed = answered.filter(({ answers }) => answers.includes('welcome'));
    const gone = this.visitors.some(({ hasLeft }) => hasLeft);
    const count = admitted === undefined ? 0 : 1 + admitted.others.length;
    assert.ok(
      welcomed.length === count || (gone && welcomed.length < count),
      `${count} are admitted, ${welcomed.length} know`,
    );
    const hellos = welcomed.map(({ visitor }) => helloIn(visitor.words));
    for (const hello of hellos) {
      assert.ok(hello !== undefined, 'somebody was admitted without HELLO');
      assert.ok(hello.token.equals(token) && hello.migrationId === migrationId, 'admitted without the token');
      assert.equal(hello.streamCount, count, 'a part of a group was admitted');
    }
    assert.equal(
      new Set(hellos.map((hello) => hello?.stream)).size,
      hellos.length,
      'a stream was admitted twice',
    );
    for (const { answers } of answered)
      assert.ok(
        answers.length <= 1 && answers.every((type) => type === 'welcome' || type === 'refused'),
        answers.join(),
      );
    if (this.isOwed)
      assert.equal(
        welcomed.filter(({ visitor }) => visitor.isHonest).length,
        this.streamCount,
        `the streams were not admitted: ${[...this.reasons].join('; ')}`,
      );
  }
}

function helloOf(said: Partial<StreamHello>): Buffer {
  return encodeMessage('hello', 0, helloBody({ token, migrationId, stream: 0, streamCount: 1, ...said }));
}

function helloIn(words: Buffer): StreamHello | undefined {
  if (words.length < streamHeaderBytes) return undefined;
  const { bodyBytes } = decodeHeader(words);
  return decodeHello(words.subarray(streamHeaderBytes, streamHeaderBytes + bodyBytes));
}

function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}
