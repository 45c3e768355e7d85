/**
 * The link between the controller and Redis, under the matrix' control: a process in the controller's network namespace,
 * which the controller takes for Redis.
 *
 * Whatever a migration does next, it first tells Redis which state it has reached. So the one moment at which a fault can
 * be placed exactly is on that link: the command that writes a state stands still there while the fault is made.
 *
 *     idle ──arm(state, moment)──▶ armed ──the command comes──▶ holding ──release──▶ idle
 *
 * - `asked`: Redis has not heard of the new state, and hears of it after `release`.
 * - `answered`: Redis has it, and the controller hears so after `release`.
 *
 * Redis' clients give up after seconds, so whoever holds must be quick. `cut` is what a cut of the network is: nothing that is sent
 * from then on arrives before `mend`, and no connection breaks; new ones are made, but lead nowhere until then. What was sent
 * arrives in the end, also from a client that has given its connection up. Limits: TCP would send it again only after a
 * while, up to as long as the cut has lasted, and here it arrives at once.
 */
import { once } from 'node:events';
import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { outsideNamespace } from '../../testbed/index.js';
import { eventually } from '../support/eventually.js';

export const moments = ['asked', 'answered'] as const;
export type Moment = (typeof moments)[number];

export type LinkOrder =
  | { readonly order: 'arm'; readonly state: string; readonly moment: Moment }
  | { readonly order: 'release' | 'cut' | 'mend' };

export type LinkNews = 'listening' | 'holding';

const program = fileURLToPath(new URL('redis-link-program.js', import.meta.url));

export class RedisLink {
  private isHolding = false;

  private constructor(private readonly child: ChildProcess) {
    child.on('message', (news: LinkNews) => {
      if (news === 'holding') this.isHolding = true;
    });
  }

  /** Listens on loopback there at `port`, in front of the Redis at `redisPort`. Ends with this process, or by `stop`. */
  static async start(port: number, redisPort: number): Promise<RedisLink> {
    const command = [
      'netns',
      'exec',
      outsideNamespace,
      process.execPath,
      program,
      String(port),
      String(redisPort),
    ];
    const child = spawn('ip', command, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    const [news] = (await Promise.race([once(child, 'message'), once(child, 'exit')])) as [unknown];
    if (news !== 'listening') throw new Error(`the process on the link to Redis ended (${String(news)})`);
    return new RedisLink(child);
  }

  arm(state: string, moment: Moment): void {
    this.isHolding = false;
    this.tell({ order: 'arm', state, moment });
  }

  async untilHolding(limitMs: number): Promise<void> {
    await eventually('the migration reaches the state', () => this.isHolding, limitMs);
  }

  release(): void {
    this.tell({ order: 'release' });
  }

  cut(): void {
    this.tell({ order: 'cut' });
  }

  mend(): void {
    this.tell({ order: 'mend' });
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null) return;
    this.child.kill();
    await once(this.child, 'exit');
  }

  private tell(order: LinkOrder): void {
    this.child.send(order);
  }
}
