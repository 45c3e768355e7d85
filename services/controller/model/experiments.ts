/** What the model is asked, and what it must answer: with all safeguards it is safe and ends, without one it is not. */
import type { Check } from './checker.js';

export interface Experiment extends Check {
  readonly name: string;
  readonly holds: boolean;
}

/** Its mistake takes as many: a commit that is not answered, a controller that takes over, and a Redis that is lost. */
const faultsOfAGuess = 3;

/** With so many faults: crashes, losses, cuts, controllers that only seemed to have stalled. Two take seconds, three minutes. */
export function experimentsWith(faults: number): readonly Experiment[] {
  const without = (name: string, safeguard: string, property: Check['property']): Experiment => {
    return { name, property, defines: [`FAULTS=${faults}`, safeguard], holds: false };
  };
  return [
    { name: 'with all safeguards', property: 'safe', defines: [`FAULTS=${faults}`], holds: true },
    { name: 'with all safeguards', property: 'ends', defines: [`FAULTS=${faults}`], holds: true },
    without('agents that forget which migrations they have ended', 'FORGETFUL', 'safe'),
    without('a controller that rolls back when its commit was not answered', 'HASTY', 'safe'),
    without('a Redis that lets any state follow any other', 'GULLIBLE', 'safe'),
    without('agents that claim for a migration from before their VM was started anew', 'TIMELESS', 'safe'),
    without(
      "a controller that removes the source's copy before Redis knows that the other ran",
      'HURRIED',
      'safe',
    ),
    without('a controller that undoes a commit before Redis has answered that it may', 'FORWARD', 'safe'),
    without('a controller that does not notice that the copy is lost with its VM', 'BLIND', 'ends'),
    without('a controller that does not notice that another has taken over', 'ABSORBED', 'ends'),
    {
      name: 'a controller that rolls back where Redis has lost the record of its commit',
      property: 'safe',
      defines: [`FAULTS=${Math.max(faults, faultsOfAGuess)}`, 'GUESSING'],
      holds: false,
    },
  ];
}
