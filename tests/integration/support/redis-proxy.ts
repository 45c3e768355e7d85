/**
 * A socket in front of Redis, through which the controller speaks to it: so that a test can act at the very moment
 * when a certain command is on its way, and can lose answers.
 */
import { once } from 'node:events';
import { createConnection, createServer, type Server, type Socket } from 'node:net';

interface Trap {
  readonly marker: string;
  readonly act: () => void | Promise<void>;
}

export class RedisProxy {
  private readonly sockets = new Set<Socket>();
  private trap: Trap | undefined;
  private mute = false;
  private isCut = false;
  /** How many there have been. */
  connections = 0;

  private constructor(
    readonly path: string,
    private readonly server: Server,
  ) {}

  static async start(path: string, redisPath: string): Promise<RedisProxy> {
    const server = createServer();
    const proxy = new RedisProxy(path, server);
    server.on('connection', (client) => proxy.couple(client, createConnection(redisPath)));
    server.listen(path);
    await once(server, 'listening');
    return proxy;
  }

  /** Runs `act` once, when a command that contains `marker` is about to reach Redis, and then lets it go on. */
  before(marker: string, act: () => void | Promise<void>): void {
    this.trap = { marker, act };
  }

  /** From now on Redis hears everything, and its answers are lost. */
  loseAnswers(): void {
    this.mute = true;
  }

  /** From now on nothing gets through, in either direction, and what is on its way waits: a network that is cut. */
  cut(): void {
    this.isCut = true;
    this.silence();
  }

  /** What has waited gets through. */
  join(): void {
    this.isCut = false;
    for (const socket of this.sockets) socket.resume();
  }

  /** Nothing gets through the connections that there are, as where a network has forgotten them; new ones work. */
  silence(): void {
    for (const socket of this.sockets) socket.pause();
  }

  /** Breaks all connections; new ones work. */
  heal(): void {
    this.mute = false;
    for (const socket of this.sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }

  private couple(client: Socket, redis: Socket): void {
    let order: Promise<void> = Promise.resolve();
    this.connections++;
    client.on('data', (data) => {
      order = order.then(() => this.spring(data)).then(() => void redis.write(data));
    });
    redis.on('data', (data) => {
      if (!this.mute) client.write(data);
    });
    for (const [socket, other] of [
      [client, redis],
      [redis, client],
    ] as const) {
      this.sockets.add(socket);
      if (this.isCut) socket.pause();
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.sockets.delete(socket);
        other.destroy();
      });
    }
  }

  private async spring(data: Buffer): Promise<void> {
    const { trap } = this;
    if (trap === undefined || !data.includes(trap.marker)) return;
    this.trap = undefined;
    await trap.act();
  }
}
