/**
 * What a destination that lies says to a source: WELCOME, LANDED and REFUSED at any time, with any numbers, and any bytes,
 * to the real link on a real connection (without TLS, which ends with its own error long before), while it sends objects,
 * pages and files, waits for its rate, and ends.
 *
 * Rules: the link ends in order, or with an error that says whose fault it is; what the destination refused with is never
 * another error; a batch has landed once, in its order, and not before all of it was sent; after an end in order all of
 * them have; no descriptor is left open; it ends at all (libraries/fuzzing/watchdog.ts).
 */
import assert from 'node:assert/strict';
import { closeSync, openSync, readdirSync } from 'node:fs';

import { PortkeyError } from '../../../libraries/errors/index.js';
import { mutate, Random, withoutNumbers, type Target } from '../../../libraries/fuzzing/index.js';
import { errorNumbers, RunList, u32, type WireErrorCode } from '../../../libraries/hypercall/index.js';
import { listenTcp, noWakeUp, openTcpSocket } from '../../../libraries/libc/index.js';
import { PAGE_BYTES } from '../../../libraries/units/index.js';
import type { PageRange } from '../ram/zero-pages.js';
import { landedBody, refusedBody, tokenBytes } from '../stream/bodies.js';
import type { Batch } from '../stream/link.js';
import { encodeMessage, type StreamType } from '../stream/protocol.js';
import { RateLimit } from '../stream/rate-limit.js';
import { ShutDownFlag } from '../stream/shut-down-flag.js';
import { SocketLink } from '../stream/socket-link.js';
import { TokenBucket } from '../stream/token-bucket.js';
import type { RamOfTest } from './conversation-target.js';
import { LyingDestination } from './lying-destination.js';
import { stepCases, type Step, type Steps } from './steps.js';

/** The first is how the destination answers HELLO. */
export type Stream = Steps;

const kinds = [
  'object',
  'close',
  'pages',
  'drop',
  'file',
  'look',
  'landed',
  'meanwhile',
  'refused',
  'bytes',
  'vanish',
  'slow',
] as const;
type Kind = (typeof kinds)[number];
const maxSteps = 24;
/** Of what is as it should be. */
const plainSeed = 2;
const address = '127.0.0.1';
/** Slow enough that each piece of a few pages has to wait. */
const slowBytesPerSecond = 2 ** 20;

export function answersTarget(test: RamOfTest): Target<Stream> & { close(): void } {
  const listener = listenTcp(address);
  const file = openSync(process.execPath, 'r');
  const descriptors = openDescriptors();
  const step = (kind: Kind, seed = plainSeed): Step => [kinds.indexOf(kind), seed];
  return {
    name: 'answers of another relay',
    seeds: [
      [
        step('landed'),
        step('object'),
        step('pages'),
        step('landed'),
        step('look'),
        step('file'),
        step('drop'),
      ],
      [step('landed'), step('slow'), step('meanwhile'), step('pages'), step('pages'), step('close')],
      [step('landed'), step('pages'), step('refused'), step('look')],
      [step('landed'), step('vanish'), step('pages'), step('pages')],
    ],
    ...stepCases(kinds, maxSteps),
    run: (stream) => new LiedToSource({ test, listener, file }, stream).run(),
    rest: () => assert.equal(openDescriptors(), descriptors, 'descriptors were left open'),
    close: () => {
      closeSync(listener.fd);
      closeSync(file);
    },
  };
}

interface Surroundings {
  readonly test: RamOfTest;
  readonly listener: { readonly fd: number; readonly port: number };
  /** To be sent, or a part of it. */
  readonly file: number;
}

class LiedToSource {
  private readonly destination: LyingDestination;
  private readonly link: SocketLink;
  private readonly socketFd = openTcpSocket();
  private readonly sent: Batch[] = [];
  /** Said when the source waits for its rate. */
  private readonly meanwhile: Buffer[] = [];
  private landed = 0;
  private nowMs = 0;
  /** HELLO was 0. */
  private messages = 0;

  constructor(
    private readonly surroundings: Surroundings,
    private readonly stream: Stream,
  ) {
    const { listener, test } = surroundings;
    this.destination = new LyingDestination(listener.fd);
    const { socketFd } = this;
    const peer = { address, port: listener.port };
    const self = { token: Buffer.alloc(tokenBytes), migrationId: 'm-1', stream: 0, streamCount: 1 };
    this.link = new SocketLink(
      { type: 'relay', socketFd, peer, host: 'host-b', security: 'insecure', ...self },
      noWakeUp,
      test.ram.mapped,
      {
        rate: this.rate(),
        shutDown: new AtConnection(() => this.greet()),
        onLanded: (batch) => this.onLanded(batch),
      },
    );
  }

  run(): string {
    try {
      this.link.connect();
      for (const [kind, seed] of this.stream.slice(1)) {
        this.steps[kinds[kind] ?? 'look'](new Random(seed));
        this.destination.listen();
      }
      this.end();
      return `${this.someLanded()} ended`;
    } catch (thrown) {
      return `${this.someLanded()} ${outcomeOf(thrown)}`;
    } finally {
      this.link.close();
      // First, so that the connection's number is not kept from others for a minute.
      this.destination.close();
      closeSync(this.socketFd);
    }
  }

  private readonly steps: Readonly<Record<Kind, (random: Random) => void>> = {
    object: (random) => {
      this.messages += 1;
      this.link.openObject(random.below(4), random.pick(['a', 'x'.repeat(255)]));
    },
    close: (random) => {
      this.messages += 1;
      this.link.closeObject(random.below(4));
    },
    pages: (random) => this.sendPages(random),
    drop: (random) => {
      this.messages += 1;
      const batch = { object: 1, ticket: this.messages, pages: 0, zeroPages: 0 };
      this.link.dropPages(batch, anyRanges(random));
      this.sent.push(batch);
    },
    file: (random) => {
      this.messages += 1;
      this.link.sendFile('final/a', this.surroundings.file, random.pick([0, 1, 4096, 40_000]));
    },
    look: () => this.link.takeAnswers(),
    landed: (random) => this.destination.say(this.landedWords(random)),
    meanwhile: (random) => void this.meanwhile.push(this.anyWords(random)),
    refused: (random) => this.destination.say(refusedWords(random)),
    bytes: (random) => this.destination.say(this.anyWords(random)),
    vanish: (random) => (random.once(2) ? this.destination.vanish() : this.destination.endSaying()),
    slow: () => undefined,
  };

  private sendPages(random: Random): void {
    const zeroes = random.once(2) ? anyRanges(random) : [];
    const content = new RunList();
    const runs = zeroes.length > 0 && random.once(3) ? 0 : 1 + random.below(4);
    const sections = this.surroundings.test.ram.map.sections;
    for (let run = 0; run < runs; run += 1) {
      const first = (sections[random.below(sections.length)]?.guestAddress ?? 0) / PAGE_BYTES;
      content.push(first + random.below(8), 1 + random.below(3), random.below(100));
    }
    const zeroPages = zeroes.reduce((sum, { count }) => sum + count, 0);
    const batch = { object: 1, ticket: this.messages, pages: content.pageCount + zeroPages, zeroPages };
    this.messages += (zeroes.length > 0 ? 1 : 0) + (runs > 0 ? 1 : 0);
    this.link.sendPages(batch, content, zeroes);
    this.sent.push(batch);
  }

  /** The last words come before END, because the source waits for them; they may well say that END has landed. */
  private end(): void {
    const random = new Random(this.stream.length + this.messages);
    const lastWords = random.once(8)
      ? this.anyWords(random)
      : encodeMessage('landed', this.messages + 1, landedBody(0));
    this.destination.say(lastWords);
    this.destination.endSaying();
    this.link.end();
    assert.equal(this.landed, this.sent.length, 'the stream has ended, and not all has landed');
  }

  private someLanded(): string {
    return this.landed > 3 ? 'many' : 'i'.repeat(this.landed);
  }

  private onLanded(batch: Batch): void {
    assert.equal(batch, this.sent[this.landed], 'a batch has landed that was not sent, or out of its order');
    this.landed += 1;
  }

  private greet(): void {
    const [kind, seed] = this.stream[0] ?? [0, 0];
    const random = new Random(seed);
    this.destination.accept();
    this.destination.say(random.once(8) ? this.anyWords(random) : encodeMessage('welcome', 0));
    if (kinds[kind] === 'vanish') this.destination.vanish();
    else if (kinds[kind] === 'bytes') this.destination.say(this.anyWords(random));
    this.destination.requireSaid();
  }

  private rate(): RateLimit {
    const isSlow = this.stream.some(([kind]) => kinds[kind] === 'slow');
    const bytesPerSecond = isSlow ? slowBytesPerSecond : 0;
    return new RateLimit({
      bytesPerSecond,
      shared: new TokenBucket(bytesPerSecond).shared,
      clock: { monotonicMs: () => this.nowMs },
      wait: (timeoutMs) => {
        this.nowMs += timeoutMs;
        this.destination.say(this.meanwhile.shift() ?? Buffer.alloc(0));
        this.link.wait(0);
      },
    });
  }

  private landedWords(random: Random): Buffer {
    const { messages } = this;
    const sequence = random.once(2) ? messages : random.number([0, messages, messages + 1, 2 ** 32 - 1]);
    return encodeMessage('landed', sequence % 2 ** 32, landedBody(random.number([0, 4096, 2 ** 40])));
  }

  private anyWords(random: Random): Buffer {
    const words = random.pick([
      this.landedWords(random),
      this.landedWords(random),
      refusedWords(random),
      encodeMessage(random.pick(types), this.messages, [random.bytes(random.below(40))], random.below(2)),
      random.bytes(random.below(100)),
    ]);
    if (random.once(3)) return mutate(words, this.landedWords(random), random);
    return random.once(4) ? Buffer.concat([words, this.landedWords(random)]) : words;
  }
}

/** Tells when the link has connected, and has said nothing yet: it asks then whether it was shut down. */
class AtConnection extends ShutDownFlag {
  constructor(private readonly act: () => void) {
    super();
  }

  override get isSet(): boolean {
    this.act();
    return super.isSet;
  }
}

function outcomeOf(thrown: unknown): string {
  if (!(thrown instanceof PortkeyError)) throw thrown;
  const { code, message } = thrown;
  // Its text is anything.
  if (message.startsWith("the destination's relay refused the stream: ")) {
    assert.ok(Object.hasOwn(errorNumbers, code), `refused with ${code}`);
    return `${code} refused`;
  }
  assert.equal(code, 'stream-broken', message);
  return `${code} ${withoutNumbers(message)}`;
}

function refusedWords(random: Random): Buffer {
  if (random.once(4)) {
    const length = random.number([0, 1, 1024, 2 ** 16]);
    return encodeMessage('refused', 0, [u32(random.below(12)), u32(length), random.bytes(random.below(40))]);
  }
  const codes = Object.keys(errorNumbers) as [WireErrorCode, ...WireErrorCode[]];
  return encodeMessage('refused', 0, refusedBody(random.pick(codes), 'no '.repeat(random.below(400))));
}

function anyRanges(random: Random): PageRange[] {
  return Array.from({ length: 1 + random.below(3) }, () => ({
    page: random.below(50),
    count: 1 + random.below(9),
  }));
}

const types: readonly [StreamType, ...StreamType[]] = [
  'hello',
  'batch',
  'end',
  'welcome',
  'landed',
  'refused',
];

function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}
