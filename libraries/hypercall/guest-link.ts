/**
 * An agent's lasting connection to its host's relay.
 *
 *     down ──open, HELLO──▶ greeting ──HELLO-OK──▶ ready ──port closed, error──▶ down ──wait──▶ (again)
 *
 * Goal: whichever of relay and agent starts first, goes away or comes back, the channel is ready again within
 * seconds, and everybody can ask how it stands. A client that was handed out is never revived: what it had in
 * flight has failed, and the migration that used it rolls back.
 * The nonce page proves that the relay maps this VM's RAM: the agent writes random bytes into a page of its own
 * and names its guest-physical address; only the right RAM file has them there.
 */
import { PortkeyError, asPortkeyError } from '../errors/index.js';
import type { Clock } from '../process/index.js';
import { HypercallClient, type ByteChannel } from './client.js';
import type { Hello } from './messages.js';

export interface GuestLinkParts {
  readonly openPort: () => Promise<ByteChannel>;
  /** Writes a fresh nonce into the nonce page and says where it is. */
  readonly greeting: () => Omit<Hello, 'type'>;
  readonly clock: Clock;
  readonly onChange?: (ready: boolean, detail: string) => void;
}

const helloTimeoutMs = 5_000;
const retryMs = [250, 500, 1_000, 2_000];

export class GuestLink {
  private readonly stopping = new AbortController();
  private client: HypercallClient | undefined;
  private reason =
    'the hypervisor relay has not answered yet; is it running, and is this VM in its configuration?';
  private loop: Promise<void> = Promise.resolve();

  constructor(private readonly parts: GuestLinkParts) {}

  start(): void {
    this.loop = this.run();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.client?.close();
    await this.loop;
  }

  get state(): { hypercallChannel: boolean; hypercallDetail: string } {
    const ready = this.client !== undefined;
    return { hypercallChannel: ready, hypercallDetail: ready ? '' : this.reason };
  }

  /** The client in use. Throws `no-hypercall-channel` with the reason where there is none. */
  ready(): HypercallClient {
    if (this.client === undefined)
      throw new PortkeyError('no-hypercall-channel', `no hypercall channel: ${this.reason}`);
    return this.client;
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      const wasReady = await this.connect().catch((error: unknown) => {
        this.reason = asPortkeyError(error).message;
        return false;
      });
      if (wasReady) attempt = 0;
      this.parts.onChange?.(false, this.reason);
      await this.parts.clock
        .sleep(retryMs[Math.min(attempt, retryMs.length - 1)] ?? 0, signal)
        .catch(() => undefined);
    }
  }

  /** One connection from HELLO to its end; true if it was ready in between. */
  private async connect(): Promise<boolean> {
    const port = await this.parts.openPort();
    let onOver: (error: PortkeyError) => void = () => undefined;
    const over = new Promise<PortkeyError>((resolve) => (onOver = resolve));
    const client = new HypercallClient(port, onOver);
    try {
      const silence = this.parts.clock.sleep(helloTimeoutMs, this.stopping.signal).then(() => {
        throw new PortkeyError(
          'no-hypercall-channel',
          'the hypervisor relay does not answer HELLO; is it running, and is this VM in its configuration?',
        );
      });
      await Promise.race([client.hello(this.parts.greeting()), silence]);
      this.client = client;
      this.parts.onChange?.(true, '');
      this.reason = (await over).message;
      return true;
    } finally {
      this.client = undefined;
      await client.close();
    }
  }
}
