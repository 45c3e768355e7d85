/**
 * Ctrl-C during the experiment: it stops at the next point where that leaves nothing behind.
 *
 * A migration that runs has interrupts of its own (cli/migrate/follow.ts): the first one rolls it back, the second one
 * leaves it. They are heard here too, so that the experiment stops after it, also where the rollback came too late.
 */
import { PortkeyError } from '../../libraries/errors/index.js';
import { overheard, type Interrupts } from '../interrupts.js';

export interface Stopping extends Disposable {
  /** Fires at the first interrupt, with the `cancelled` that ends the experiment. */
  readonly signal: AbortSignal;
  /** For steps that have a way of their own to stop. */
  readonly interrupts: Interrupts;
}

export function stopOnInterrupt(interrupts: Interrupts, note: (line: string) => void): Stopping {
  const controller = new AbortController();
  const stop = (): void =>
    controller.abort(new PortkeyError('cancelled', 'stopped on request before everything had run'));
  const handler = interrupts.on(() => {
    if (!controller.signal.aborted) note('stopping: cleaning up first');
    stop();
  });
  return {
    signal: controller.signal,
    interrupts: overheard(interrupts, stop),
    [Symbol.dispose]: () => handler[Symbol.dispose](),
  };
}
