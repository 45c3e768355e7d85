/**
 * What a relay that lies sends to a landing, message by message: any order of them, numbered as they should be, so that what
 * is wrong is their content, their place, or nothing. The rules are those of landing-under-test.ts, and that the landing
 * holds what was acknowledged (landed-content.ts).
 */
import assert from 'node:assert/strict';

import { mutate, Random, type Target } from '../../../libraries/fuzzing/index.js';
import { maxObjects, maxPageIndex, maxPagesPerSend } from '../../../libraries/hypercall/index.js';
import { PAGE_BYTES } from '../../../libraries/units/index.js';
import type { PageRange } from '../ram/zero-pages.js';
import { closeBody, fileBody, maxObjectPages, objectBody, rangesBody } from '../stream/bodies.js';
import { encodeMessage, type StreamType } from '../stream/protocol.js';
import { LandedContent, type Effect } from './landed-content.js';
import { hostileNames, LandingUnderTest, maxCaseBytes } from './landing-under-test.js';
import { stepCases, type Step, type Steps } from './steps.js';

export type Messages = Steps;

const kinds = [
  'object',
  'batch',
  'zero',
  'drop',
  'close',
  'file',
  'end',
  'answer',
  'wrong',
  'flood',
] as const;
type Kind = (typeof kinds)[number];
const maxSteps = 24;
/** Of contents that are as they should be. */
const plainSeed = 2;
const mostContentBytes = 2 ** 50;

export function messagesTarget(root: string): Target<Messages> {
  const landing = new LandingUnderTest(root);
  const step = (kind: Kind, seed = plainSeed): Step => [kinds.indexOf(kind), seed];
  return {
    name: 'messages from another relay',
    seeds: [
      [step('object'), step('batch'), step('zero'), step('drop'), step('close'), step('file'), step('end')],
      [step('object'), step('batch'), step('object', 3), step('batch', 3), step('end'), step('end')],
    ],
    ...stepCases(kinds, maxSteps),
    run: (messages) => receive(messages, landing),
    rest: () => landing.requireUntouched(),
  };
}

function receive(messages: Messages, landing: LandingUnderTest): string {
  const relay = new LyingRelay();
  for (const [kind, seed] of messages) relay.say(kinds[kind] ?? 'wrong', new Random(seed));
  const { outcome, landed } = landing.receive(Buffer.concat(relay.said.map(({ bytes }) => bytes)));
  const acknowledged = relay.said.slice(0, landed);
  // From a lie on nobody knows which bytes were taken for which message.
  if (!acknowledged.some(({ effect }) => effect?.type === 'anything')) {
    const content = new LandedContent();
    for (const { type, effect } of acknowledged) {
      assert.ok(effect !== undefined, `${type} was acknowledged, which is wrong in itself`);
      content.acknowledged(effect);
    }
    content.refused(relay.said[landed]?.effect ?? { type: 'nothing' });
    content.requireIn(landing.folder);
  }
  const types = new Set(acknowledged.map(({ type }) => type));
  return `${[...types].sort().join(' ')}: ${outcome}`;
}

interface Said {
  readonly type: string;
  readonly bytes: Buffer;
  /** None where it may not be acknowledged. */
  readonly effect: Effect | undefined;
}

class LyingRelay {
  readonly said: Said[] = [];
  private byteLength = 0;

  say(kind: Kind, random: Random): void {
    this.kinds[kind](random);
  }

  private readonly kinds: Readonly<Record<Kind, (random: Random) => void>> = {
    object: (random) => {
      const [object, name] = [anyObject(random), anyName(random)];
      this.message('object', random, objectBody(object, name), { type: 'open', object, name });
    },
    batch: (random) => {
      const [object, fill] = [anyObject(random), 1 + random.below(255)];
      const ranges = anyRanges(random, 3);
      const byteLength = pagesIn(ranges) * PAGE_BYTES;
      const body = rangesBody(object, ranges);
      // No longer than what fits: a batch of so many pages is wrong, or not all of it comes.
      if (byteLength > maxCaseBytes / 2)
        this.add(
          'batch',
          encodeMessage('batch', this.due, body, Math.min(byteLength, mostContentBytes)),
          lie,
        );
      else
        this.message(
          'batch',
          random,
          body,
          { type: 'pages', object, ranges, fill },
          Buffer.alloc(byteLength, fill),
        );
    },
    zero: (random) => this.pagesGone('zero', random),
    drop: (random) => this.pagesGone('drop', random),
    close: (random) => {
      const object = anyObject(random);
      this.message('close', random, closeBody(object), { type: 'close', object });
    },
    file: (random) => {
      const [name, fill] = [anyName(random), 1 + random.below(255)];
      const byteLength = random.pick([0, 1, 100, PAGE_BYTES, 3 * PAGE_BYTES]);
      const effect = { type: 'file', name, byteLength, fill } as const;
      this.message('file', random, fileBody(name), effect, Buffer.alloc(byteLength, fill));
    },
    end: (random) => this.message('end', random, [], { type: 'nothing' }),
    answer: (random) =>
      this.add('answer', encodeMessage(random.pick(foreign), this.due, [random.bytes(random.below(50))])),
    wrong: (random) => {
      const sequence = random.number([0, this.due - 1, this.due + 1, 2 ** 32 - 1]) % 2 ** 32;
      if (sequence === this.due || random.once(3)) this.add('wrong', random.bytes(40));
      else this.add('wrong', encodeMessage('end', sequence));
    },
    flood: (random) => {
      for (let count = random.once(200) ? maxObjects + 1 : 5; count > 0; count -= 1) {
        const object = 100 + random.below(2000);
        this.add('object', encodeMessage('object', this.due, objectBody(object, 'many')), {
          type: 'open',
          object,
          name: 'many',
        });
      }
    },
  };

  private get due(): number {
    return this.said.length + 1;
  }

  private pagesGone(type: 'zero' | 'drop', random: Random): void {
    const object = anyObject(random);
    const ranges = anyRanges(random, maxPagesPerSend);
    this.message(type, random, rangesBody(object, ranges), { type: 'pages', object, ranges, fill: 0 });
  }

  /** Mostly as it should be, else with a body or a length that lies. */
  private message(
    type: StreamType,
    random: Random,
    body: readonly Buffer[],
    effect: Effect,
    content: Buffer = Buffer.alloc(0),
  ): void {
    if (random.once(60)) {
      const announced = random.number([0, 1, content.length, content.length + PAGE_BYTES, 2 ** 40]);
      if (announced !== content.length) {
        this.add(type, Buffer.concat([encodeMessage(type, this.due, body, announced), content]), lie);
        return;
      }
    }
    if (random.once(60)) {
      const changed = mutate(Buffer.concat(body), Buffer.concat(body), random);
      this.add(type, Buffer.concat([encodeMessage(type, this.due, [changed], content.length), content]), lie);
      return;
    }
    this.add(type, Buffer.concat([encodeMessage(type, this.due, body, content.length), content]), effect);
  }

  private add(type: string, bytes: Buffer, effect?: Effect): void {
    if (this.byteLength + bytes.length > maxCaseBytes) return;
    this.byteLength += bytes.length;
    this.said.push({ type, bytes, effect });
  }
}

/** Answers, and a HELLO where none is due any more. */
const foreign: readonly [StreamType, ...StreamType[]] = ['hello', 'welcome', 'landed', 'refused'];
/** What it does is not known, or that it is done at all. */
const lie: Effect = { type: 'anything' };

/** Few, so that they meet. */
function anyObject(random: Random): number {
  return random.once(10) ? random.number([0, 2 ** 31, 2 ** 32 - 2]) : 1 + random.below(3);
}

function anyName(random: Random): string {
  if (random.once(12)) return random.pick(hostileNames);
  if (random.once(30))
    return random.pick(['x'.repeat(255), 'a/'.repeat(9) + 'b', 'a//b', './a', 'ü', 'pages']);
  return random.pick(['a', 'b', 'pages/1.img', 'final/b']);
}

/** At, over and beyond the borders of an object; overlapping ones, often. */
function anyRanges(random: Random, mostPages: number): PageRange[] {
  return Array.from({ length: 1 + random.below(3) }, () => {
    if (!random.once(8)) return { page: random.below(12), count: 1 + random.below(3) };
    const page = random.number([0, 2 ** 20, 2 ** 31, 2 ** 32, 2 ** 40, maxObjectPages - 1, maxPageIndex]);
    return { page, count: random.once(2) ? 1 : random.number([1, mostPages, 2 ** 32 - 2]) };
  });
}

function pagesIn(ranges: readonly PageRange[]): number {
  return ranges.reduce((sum, { count }) => sum + count, 0);
}
