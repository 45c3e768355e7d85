/**
 * The process on the link between the controller and Redis (redis-link.ts). Ends when whoever started it has.
 */
import { createConnection, createServer, type Socket } from 'node:net';

import type { LinkNews, LinkOrder, Moment } from './redis-link.js';

class Link {
  private armed: { readonly marker: string; readonly moment: Moment } | undefined;
  private released: Promise<void> = Promise.resolve();
  private release: () => void = () => undefined;
  /** Resolves when the link is not cut, or not any more. */
  private whole: Promise<void> = Promise.resolve();
  private mend: (() => void) | undefined;

  constructor(
    private readonly redisPort: number,
    private readonly say: (news: LinkNews) => void,
  ) {}

  obey(message: LinkOrder): void {
    switch (message.order) {
      case 'arm':
        this.armed = { marker: `\r\n${message.state}\r\n`, moment: message.moment };
        break;
      case 'release':
        this.armed = undefined;
        this.release();
        break;
      case 'cut':
        if (this.mend === undefined) this.whole = new Promise((resolve) => (this.mend = resolve));
        break;
      case 'mend':
        this.mend?.();
        this.mend = undefined;
        break;
    }
  }

  join(client: Socket): void {
    const redis = createConnection(this.redisPort, '127.0.0.1');
    this.pass(client, redis, (data) => this.onRequest(data));
    this.pass(redis, client, () => this.released);
  }

  private pass(from: Socket, to: Socket, turn: (data: Buffer) => Promise<void>): void {
    let order: Promise<void> = Promise.resolve();
    from.on('data', (data) => {
      const { whole } = this;
      order = order
        .then(() => whole)
        .then(() => turn(data))
        .then(() => void to.write(data));
    });
    from.on('error', () => undefined);
    from.on('close', () => {
      if (this.mend === undefined) to.destroy();
      else void this.whole.then(() => order).then(() => to.end());
    });
  }

  /** Resolves when the request may go on to Redis. */
  private async onRequest(data: Buffer): Promise<void> {
    const { armed } = this;
    if (armed === undefined || !data.includes(armed.marker)) return;
    this.armed = undefined;
    const released = new Promise<void>((resolve) => (this.release = resolve));
    if (armed.moment === 'asked') await this.hold(released);
    else void this.hold((this.released = released));
  }

  private hold(released: Promise<void>): Promise<void> {
    this.say('holding');
    return released;
  }
}

const [port, redisPort] = process.argv.slice(2).map(Number);
const say = (news: LinkNews): void => void process.send?.(news);
const link = new Link(redisPort ?? 0, say);
const server = createServer((client) => link.join(client));
server.listen(port, '127.0.0.1', () => say('listening'));
process.on('message', (order: LinkOrder) => link.obey(order));
process.on('disconnect', () => process.exit());
