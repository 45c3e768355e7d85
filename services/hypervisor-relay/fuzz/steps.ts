/** Cases that are a few steps, one after another: how they are changed and printed, whatever the steps mean to their target. */
import type { Random, Target } from '../../../libraries/fuzzing/index.js';

/** A number that says what happens next, and the seed of its details. */
export type Step = readonly [kind: number, seed: number];
export type Steps = readonly Step[];

/** `kinds`: by a step's number; `maxSteps`: of a case that is made from others. */
export function stepCases(
  kinds: readonly string[],
  maxSteps: number,
): Pick<Target<Steps>, 'change' | 'print'> {
  return {
    change: (from: Steps, other: Steps, random: Random) => {
      const at = random.below(from.length + 1);
      const added: Step = [random.below(kinds.length), random.u32()];
      const tail = random.once(8)
        ? other.slice(random.below(other.length + 1))
        : from.slice(at + random.below(2));
      return [...from.slice(0, at), added, ...tail].slice(0, maxSteps);
    },
    print: (steps: Steps) => steps.map(([kind, seed]) => `${kinds[kind] ?? kind}(${seed})`).join(' '),
  };
}
