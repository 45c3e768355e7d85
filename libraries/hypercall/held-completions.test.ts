import assert from 'node:assert/strict';

import fc from 'fast-check';

import { HeldCompletions, type LandedSend } from './held-completions.js';
import type { Complete } from './messages.js';

const credits = 16;

interface Run {
  readonly answers: Complete[];
  /** SENDs that the guest took for unanswered, at most. */
  readonly mostUnanswered: number;
  readonly held: number;
}

/**
 * Objects whose SENDs land one after another, in any order of the objects, a number of milliseconds apart, while the
 * guest sends as its credits let it.
 */
function run(landings: readonly { object: number; waitMs: number }[]): Run {
  let nowMs = 0;
  const completions = new HeldCompletions(credits, { monotonicMs: () => nowMs });
  const answers: Complete[] = [];
  const unanswered: { object: number; sequence: number }[] = [];
  const inFlight: { object: number; sequence: number }[] = [];
  let next = 0;
  let mostUnanswered = 0;
  const send = (): void => {
    while (unanswered.length < credits && next < landings.length) {
      const entry = { object: landings[next]?.object ?? 0, sequence: next };
      unanswered.push(entry);
      inFlight.push(entry);
      next += 1;
    }
    mostUnanswered = Math.max(mostUnanswered, unanswered.length);
  };
  for (;;) {
    send();
    if (inFlight.length === 0) break;
    const { object, sequence } = inFlight.shift() ?? { object: 0, sequence: 0 };
    nowMs += landings[sequence]?.waitMs ?? 0;
    const landed: LandedSend = {
      ...{ object, sequence, bytes: 1 + sequence, starvedUs: sequence, queueDepth: 0 },
      inFlight: inFlight.filter((other) => other.object === object).length,
    };
    const answer = completions.landed(landed);
    if (answer === undefined) continue;
    answers.push(answer);
    const rest = unanswered.filter(
      (other) => other.object !== answer.object || other.sequence > answer.sequence,
    );
    unanswered.splice(0, unanswered.length, ...rest);
  }
  assert.equal(next, landings.length, 'the guest has run out of credits for good');
  assert.deepEqual(unanswered, []);
  return { answers, mostUnanswered, held: completions.held };
}

describe('COMPLETEs that are held back', () => {
  const anyLandings = fc.array(fc.record({ object: fc.integer({ min: 1, max: 5 }), waitMs: fc.nat(60) }), {
    minLength: 1,
    maxLength: 200,
  });

  it('answer every SEND in the end, and lose no byte and no starvation', () => {
    fc.assert(
      fc.property(anyLandings, (landings) => {
        const { answers, mostUnanswered, held } = run(landings);
        assert.equal(held, 0);
        assert.ok(mostUnanswered <= credits);
        const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0);
        const sequences = landings.map((_, sequence) => sequence);
        assert.equal(sum(answers.map(({ bytes }) => bytes)), sum(sequences) + landings.length);
        assert.equal(sum(answers.map(({ starvedUs }) => starvedUs)), sum(sequences));
        for (const object of new Set(landings.map((landing) => landing.object))) {
          const last = landings.findLastIndex((landing) => landing.object === object);
          assert.equal(answers.findLast((answer) => answer.object === object)?.sequence, last);
        }
      }),
    );
  });

  it('are a small part of the SENDs while the relay has plenty to do', () => {
    const { answers } = run(Array.from({ length: 64 }, () => ({ object: 1, waitMs: 5 })));
    assert.ok(answers.length <= 16, `${answers.length} COMPLETEs`);
  });

  it('are written at once where the relay is about to run dry, and on a slow link', () => {
    assert.equal(run(Array.from({ length: 4 }, () => ({ object: 1, waitMs: 0 }))).answers.length, 4);
    assert.equal(run(Array.from({ length: 40 }, () => ({ object: 1, waitMs: 100 }))).answers.length, 39);
  });

  it('are forgotten with an object that failed, and give their place back', () => {
    const completions = new HeldCompletions(credits, { monotonicMs: () => 0 });
    const landed = { object: 1, bytes: 1, starvedUs: 0, queueDepth: 9, inFlight: 9 };
    for (let sequence = 0; sequence < 3; sequence += 1) {
      assert.equal(completions.landed({ ...landed, sequence }), undefined);
    }
    assert.equal(completions.held, 3);
    completions.forget(1);
    completions.forget(1);
    assert.equal(completions.held, 0);
  });
});
