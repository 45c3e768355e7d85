/**
 * How long a question waits for a VM that may not answer: one that has let a question run out is waited for briefly from then
 * on, or whoever stops answering, on purpose or not, would hold up all that every VM is asked for.
 *
 *     answers ──a question ran into its deadline──▶ silent ──one is answered──▶ answers
 *
 * To a silent one goes one question at a time, and that one has all the time it may take: a VM that is slow, not gone, is heard
 * again. What a question that others have put says is not taken for an answer: it may be older than what is asked about.
 */
import type { Clock } from '../../../libraries/process/index.js';
import { asPortkeyError, PortkeyError } from '../../../libraries/errors/index.js';

export class Patience {
  /** The silent, each with the question that it has not answered yet. */
  private readonly silent = new Map<string, Promise<unknown> | undefined>();

  constructor(
    private readonly clock: Pick<Clock, 'sleep'>,
    private readonly silentMs: number,
  ) {}

  /** Throws what `put` does, and `deadline-exceeded` before its time for one that is silent. */
  async ask<T>(vm: string, put: () => Promise<T>): Promise<T> {
    if (!this.silent.has(vm)) return this.judge(vm, put());
    const earlier = this.silent.get(vm);
    const own = earlier === undefined ? this.judge(vm, put()) : undefined;
    if (own !== undefined) this.keep(vm, own);
    await this.briefly(vm, earlier ?? own ?? Promise.resolve());
    return own ?? this.judge(vm, put());
  }

  private async judge<T>(vm: string, answer: Promise<T>): Promise<T> {
    try {
      const answered = await answer;
      this.silent.delete(vm);
      return answered;
    } catch (thrown) {
      if (asPortkeyError(thrown).code === 'deadline-exceeded' && !this.silent.has(vm))
        this.silent.set(vm, undefined);
      throw thrown;
    }
  }

  private keep(vm: string, question: Promise<unknown>): void {
    this.silent.set(vm, question);
    const settled = (): void => {
      if (this.silent.get(vm) === question) this.silent.set(vm, undefined);
    };
    question.then(settled, settled);
  }

  private async briefly(vm: string, question: Promise<unknown>): Promise<void> {
    const over = new AbortController();
    const late = this.clock.sleep(this.silentMs, over.signal).then(() => {
      throw new PortkeyError(
        'deadline-exceeded',
        `${vm} has not answered for a while, and not within ${this.silentMs / 1000} s now; is it overloaded, or does its agent hang?`,
      );
    });
    try {
      await Promise.race([question, late]);
    } finally {
      over.abort();
      late.catch(() => undefined);
    }
  }
}
