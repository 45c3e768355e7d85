/**
 * The process on the link between the controller and Redis (redis-link.ts). Ends when whoever started it has.
 */
import { createConnection, createServer, type Socket } from 'node:net';

import type { LinkNews, LinkOrder, Moment } from './redis-link.js';

class Link {
  private readonly clients = new Set<Socket>();
  private armed: { readonly marker: string; readonly moment: Moment } | undefined;
  private released: Promise<void> = Promise.resolve();
  private release: () => void = () => undefined;
  private isCut = false;

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
        this.isCut = true;
        break;
      case 'mend':
        this.isCut = false;
        // What was sent meanwhile is lost, and with it the sense of what follows on that connection.
        for (const client of this.clients) client.destroy();
        break;
    }
  }

  join(client: Socket): void {
    const redis = createConnection(this.redisPort, '127.0.0.1');
    this.clients.add(client);
    this.pass(client, redis, (data) => this.onRequest(data));
    this.pass(redis, client, () => this.released);
    client.on('close', () => this.clients.delete(client));
  }

  private pass(from: Socket, to: Socket, turn: (data: Buffer) => Promise<void>): void {
    let order: Promise<void> = Promise.resolve();
    from.on('data', (data) => {
      if (this.isCut) return;
      order = order.then(() => turn(data)).then(() => void to.write(data));
    });
    from.on('error', () => undefined);
    from.on('close', () => to.destroy());
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
