/**
 * A SIMULATION of the relay for tests of the control loop: no process, no RAM, no network.
 *
 * SENDs are worked off one after another. How long each takes, in turns of the event loop, comes from a seeded
 * generator; the time with nothing to do is reported as starvation, as the real relay does.
 */
import { PortkeyError } from '../errors/index.js';
import type { SentRuns } from './client.js';
import type { Feedback } from './outstanding-sends.js';
import type { RunList } from './run-list.js';

const usPerTurn = 500;

export class SimulatedRelay {
  readonly landed: RunList[] = [];
  inFlight = 0;
  mostInFlight = 0;
  private readonly queue: {
    runs: RunList;
    resolve: (feedback: Feedback) => void;
    reject: (e: Error) => void;
  }[] = [];
  private readonly creditWaiters: (() => void)[] = [];
  private working = false;
  private idleTurns = 0;

  constructor(
    private seed: number,
    private readonly credits: number,
    private readonly options: { readonly failAfter?: number } = {},
  ) {}

  async send(runs: RunList): Promise<SentRuns> {
    while (this.inFlight >= this.credits) {
      await new Promise<void>((resolve) => this.creditWaiters.push(resolve));
    }
    this.inFlight += 1;
    this.mostInFlight = Math.max(this.mostInFlight, this.inFlight);
    const landed = new Promise<Feedback>((resolve, reject) => this.queue.push({ runs, resolve, reject }));
    landed.catch(() => undefined);
    if (!this.working) void this.work();
    return { landed };
  }

  private async work(): Promise<void> {
    this.working = true;
    for (let job = this.queue.shift(); job !== undefined; job = this.queue.shift()) {
      for (let turns = this.random(4); turns > 0; turns -= 1) await turn();
      this.inFlight -= 1;
      if (this.landed.length === this.options.failAfter) {
        job.reject(new PortkeyError('stream-broken', 'the simulated receiver is gone'));
      } else {
        this.landed.push(job.runs);
        job.resolve({
          bytes: job.runs.pageCount * 4096,
          starvedUs: this.idleTurns * usPerTurn,
          queueDepth: this.queue.length,
          answered: 1,
        });
        this.idleTurns = this.queue.length === 0 ? this.random(3) : 0;
      }
      this.creditWaiters.shift()?.();
    }
    this.working = false;
  }

  /** 0 … limit − 1, from the seed alone (a linear congruential generator). */
  private random(limit: number): number {
    this.seed = (Math.imul(this.seed, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((this.seed / 2 ** 32) * limit);
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
