/**
 * A hostile guest in a conversation with the relay: greetings that lie, objects out of order, runs beyond its RAM, floods,
 * halves of frames, a restart at any time, while SENDs land, fail or hang, QEMU is asked where its RAM is, and answers late or
 * not, and time passes.
 *
 * Rules: nothing is thrown out of the conversation; only pages of the guest's RAM, within an object and within the credits,
 * reach a stream (watched-session.ts); each SEND is answered exactly once (owed-answers.ts); once the port is closed nothing
 * more is answered or reaches a stream; QEMU is asked one question at a time; RAM is released by whoever has taken it. The RAM file and its map are real, the
 * streams a stand-in.
 */
import assert from 'node:assert/strict';

import { PortkeyError } from '../../../libraries/errors/index.js';
import { Random, withoutNumbers, type Target } from '../../../libraries/fuzzing/index.js';
import {
  FrameReader,
  frameTypes,
  nonceBytes,
  u32,
  type HostMessage,
} from '../../../libraries/hypercall/index.js';
import { Conversation } from '../channel/conversation.js';
import type { GuestRam } from '../ram/guest-ram.js';
import { anyObject, frameOf, helloPayload, openPayload, runsPayload } from './hostile-frames.js';
import { OwedAnswers } from './owed-answers.js';
import { WatchedSession } from './watched-session.js';
import { stepCases, type Step, type Steps } from './steps.js';

export type Talk = Steps;

const kinds = [
  'hello',
  'open',
  'send',
  'drop',
  'close',
  'land',
  'break',
  'gone',
  'bye',
  'lie',
  'torn',
  'flood',
  'as-host',
  'prove',
  'doubt',
  'tick',
] as const;
type Kind = (typeof kinds)[number];
const maxSteps = 24;
/** Of a HELLO whose proof takes its time. */
const slowSeed = 1;
/** Of contents that are as they should be, and of a tick that is long. */
const plainSeed = 3;
/** A COMPLETE that waited for another one has waited long enough, with SENDs still in flight. */
const heldForTime: readonly Kind[] = [
  'hello',
  'open',
  ...Array<Kind>(7).fill('send'),
  'land',
  'tick',
  'land',
];

export interface RamOfTest {
  readonly ram: GuestRam;
  readonly nonce: Buffer;
  readonly nonceAddress: number;
}

export function conversationTarget(test: RamOfTest): Target<Talk> {
  const step = (kind: Kind, seed = 0): Step => [kinds.indexOf(kind), seed];
  return {
    name: 'conversation with a guest',
    seeds: [
      [step('hello'), step('open'), step('send'), step('land'), step('close')],
      [step('hello'), step('open'), step('flood'), step('land'), step('send')],
      [step('hello', slowSeed), step('send'), step('prove'), step('open'), step('send'), step('land')],
      [step('hello', slowSeed), step('hello'), step('doubt'), step('open'), step('drop'), step('tick')],
      heldForTime.map((kind) => step(kind, kind === 'hello' ? 0 : plainSeed)),
      [step('lie')],
      [step('torn')],
    ],
    ...stepCases(kinds, maxSteps),
    run: (talk) => new HostileGuest(test).run(talk),
  };
}

class HostileGuest {
  private readonly answers = new FrameReader();
  private readonly heard = new Set<string>();
  private readonly owed = new OwedAnswers();
  private readonly session: WatchedSession;
  private readonly conversation: Conversation;
  private sequence = 0;
  private isClosed = false;
  private nowMs = 0;
  /** Whether QEMU answers the next question about RAM only when a step says so. */
  private isSlow = false;
  private askedTwice = false;
  private asked: { readonly prove: () => void; readonly doubt: (reason: PortkeyError) => void } | undefined;

  constructor(private readonly test: RamOfTest) {
    this.session = new WatchedSession(test.ram.map.sections);
    this.conversation = new Conversation({
      vm: 'vm-a',
      agent: 'checkpoint',
      attach: () => this.attach(),
      clock: { monotonicMs: () => this.nowMs },
      loop: { sent: () => undefined, landed: () => undefined },
      sessionOf: (migrationId) => {
        if (migrationId === this.session.migrationId) return this.session as never;
        throw new PortkeyError('session-unknown', 'no such migration');
      },
      write: (bytes) => this.hear(bytes),
      hangUp: () => this.lose(),
      onState: () => undefined,
      onFrame: () => undefined,
      onError: ({ code, message }) => this.heard.add(`${code} ${withoutNumbers(message)}`),
    });
  }

  async run(talk: Talk): Promise<string> {
    const users = this.test.ram.userCount;
    for (const [kind, seed] of talk) {
      this.steps[kinds[kind] ?? 'torn'](new Random(seed));
      await turnsOfTheQueue(6);
    }
    while (this.session.land());
    // A HELLO that was superseded, and then the last one.
    for (let left = 2; left > 0; left -= 1) {
      this.steps.prove(new Random(0));
      await turnsOfTheQueue(6);
    }
    assert.ok(!this.askedTwice, 'QEMU was asked while it had not answered');
    assert.equal(this.asked, undefined, 'a question is asked that no HELLO wants answered');
    this.owed.requireNone();
    this.steps.gone(new Random(0));
    await turnsOfTheQueue(12);
    assert.equal(this.test.ram.userCount, users, 'the RAM was not released');
    return [...this.heard].sort().join('; ') + (this.isClosed ? ' CLOSED' : '');
  }

  private readonly steps: Readonly<Record<Kind, (random: Random) => void>> = {
    hello: (random) => {
      const { nonce, nonceAddress } = this.test;
      this.isSlow = !random.once(2);
      this.greet(helloPayload(nonceAddress, nonce, 1, new Random(1)));
    },
    lie: (random) => {
      this.isSlow = !random.once(2);
      const { nonce, nonceAddress, ram } = this.test;
      const addresses = ram.map.sections.map(({ guestAddress }) => guestAddress);
      const address = random.number([0, nonceAddress, nonceAddress + 1, 2 ** 52, ...addresses]);
      const said = random.once(2) ? nonce : random.bytes(nonceBytes);
      this.greet(helloPayload(address, said, random.pick([1, 1, 2, 0]), random));
    },
    open: (random) => {
      const object = anyObject(random);
      const migrationId = random.once(8) ? 'other' : this.session.migrationId;
      this.open(object, migrationId, random.pick(names));
    },
    send: (random) => this.send(frameTypes.send, this.runs(false, random)),
    drop: (random) => this.send(frameTypes.drop, this.runs(true, random)),
    close: (random) => {
      const object = anyObject(random);
      this.owed.closed(object);
      this.say(frameTypes.close, u32(object));
    },
    bye: () => {
      this.owed.over();
      this.say(frameTypes.bye, Buffer.alloc(0));
    },
    'as-host': () => this.say(frameTypes.complete, Buffer.alloc(28)),
    land: () => void this.session.land(),
    break: () => this.session.restart(),
    gone: () => {
      this.conversation.end();
      this.lose();
    },
    torn: (random) => this.conversation.receive(random.bytes(1 + random.below(60))),
    prove: () => this.asked?.prove(),
    doubt: () => this.asked?.doubt(new PortkeyError('ram-not-shared', 'QEMU does not say')),
    tick: (random) => void (this.nowMs += random.pick([1, 50, 99, 100, 101, 1_000])),
    flood: (random) => this.flood(random.once(200) ? 1100 : 20, random),
  };

  /** As QEMU: at once, or when a step has it answer. */
  private attach(): Promise<GuestRam> {
    // Thrown here, it would be a reason to refuse the HELLO.
    this.askedTwice ||= this.asked !== undefined;
    if (!this.isSlow) return Promise.resolve(this.test.ram.retain());
    return new Promise((resolve, reject) => {
      this.asked = {
        prove: () => {
          this.asked = undefined;
          resolve(this.test.ram.retain());
        },
        doubt: (reason) => {
          this.asked = undefined;
          reject(reason);
        },
      };
    });
  }

  private greet(payload: Buffer): void {
    this.sequence = 0;
    this.owed.over();
    this.say(frameTypes.hello, payload);
  }

  private open(object: number, migrationId: string, name: string): void {
    this.owed.opened(object);
    this.say(frameTypes.open, openPayload(object, migrationId, name));
  }

  /** A SEND or a DROP; its object comes first. */
  private send(type: number, payload: Buffer): void {
    this.owed.sent(payload.readUInt32LE(0), this.sequence);
    this.say(type, payload);
  }

  /** The port is closed. */
  private lose(): void {
    this.isClosed = this.session.isClosed = true;
    this.owed.over();
  }

  private runs(isDrop: boolean, random: Random): Buffer {
    return runsPayload(anyObject(random), this.test.ram.map.sections, isDrop, random);
  }

  /** More objects, or more SENDs, than it may. */
  private flood(frames: number, random: Random): void {
    const isOfObjects = random.once(2);
    const send = runsPayload(1, this.test.ram.map.sections.slice(0, 1), false, new Random(7));
    for (let count = 0; count < frames; count += 1)
      if (isOfObjects) this.open(random.below(2000), this.session.migrationId, 'a');
      else this.send(frameTypes.send, send);
  }

  private say(type: number, payload: Buffer): void {
    this.conversation.receive(frameOf(type, this.sequence, payload));
    this.sequence += 1;
  }

  private hear(bytes: Buffer): void {
    assert.ok(!this.isClosed, 'an answer came after the port was closed');
    for (const { message } of this.answers.push(bytes)) this.check(message as HostMessage);
  }

  private check(message: HostMessage): void {
    this.heard.add(message.type);
    if (message.type === 'hello-ok')
      assert.ok(message.nonce.equals(this.test.nonce), 'a nonce that is not there');
    this.owed.heard(message);
  }
}

const names = [
  'memory/pages-1.img',
  'memory/a',
  '../../etc/passwd',
  '/etc/passwd',
  '',
  'a\0b',
  '.',
  'a/../../b',
] as const;

/** A HELLO is proved in a few of them. */
async function turnsOfTheQueue(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await Promise.resolve();
}
