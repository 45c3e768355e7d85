/**
 * The connection to one virtio-serial port of one VM: a client of the unix socket that QEMU serves for it.
 *
 *     away ──connected──▶ open ──closed by QEMU, or by us after a bad frame──▶ away ──wait──▶ (again)
 *
 * Goal: whichever of VM and relay starts first or comes back, the port is served within seconds. QEMU serves one
 * connection a port and shows the guest whether there is one. A guest that writes without end is read no faster than its
 * share of the thread allows (thread-share.ts). Invariant: after a bad frame nothing more is read, and the port is away
 * `farewellMs` later at the latest. Limits: a guest that does not read its answers is disconnected when they pile up.
 */
import { connect, type Socket } from 'node:net';

import type { Clock } from '../../../libraries/process/index.js';
import type { GuestLog } from '../vm/guest-log.js';
import { Conversation, type ConversationParts } from './conversation.js';
import type { ThreadShare } from './thread-share.js';

const retryMs = [100, 250, 500, 1_000];
const maxUnreadBytes = 2 ** 20;
/** For a guest to read why its port is closed. */
const farewellMs = 1_000;

export interface ChannelParts extends Omit<ConversationParts, 'write' | 'hangUp' | 'onState'> {
  readonly path: string;
  readonly clock: Clock;
  readonly log: GuestLog;
  /** Of the VM, whichever of its ports it writes to. */
  readonly share: ThreadShare;
}

export class Channel {
  private readonly stopping = new AbortController();
  private problem: string | undefined;
  private loop: Promise<void> = Promise.resolve();

  constructor(private readonly parts: ChannelParts) {
    this.problem = nobodyThere(parts);
  }

  /** How the channel stands, as the relay's clients see it. */
  get state(): { ready: boolean; detail: string } {
    return { ready: this.problem === undefined, detail: this.problem ?? '' };
  }

  start(): void {
    this.loop = this.run();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.loop;
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      if (await this.serve()) attempt = 0;
      const delay = retryMs[Math.min(attempt, retryMs.length - 1)] ?? 0;
      await this.parts.clock.sleep(delay, signal).catch(() => undefined);
    }
  }

  /** One connection until its end; true where there was one. */
  private serve(): Promise<boolean> {
    const { path, agent, vm } = this.parts;
    const socket = connect(path);
    const stop = (): void => void socket.destroy();
    this.stopping.signal.addEventListener('abort', stop);
    return new Promise((resolve) => {
      let conversation: Conversation | undefined;
      socket.once('connect', () => {
        conversation = this.converse(socket);
        this.show(`the ${agent} service of ${vm} has not said HELLO; is it running in the guest?`);
      });
      socket.on('data', (bytes: Buffer) => {
        if (conversation !== undefined) this.take(socket, conversation, bytes);
      });
      // What follows is told by its end.
      socket.on('error', () => undefined);
      socket.once('close', () => {
        this.stopping.signal.removeEventListener('abort', stop);
        const wasReady = this.problem === undefined;
        conversation?.end();
        // A port that we closed keeps the reason until the guest speaks again.
        if (conversation === undefined || wasReady) this.show(nobodyThere(this.parts));
        resolve(conversation !== undefined);
      });
    });
  }

  private take(socket: Socket, conversation: Conversation, bytes: Buffer): void {
    const { clock, share } = this.parts;
    const startMs = clock.monotonicMs();
    conversation.receive(bytes);
    const restMs = share.restMs(clock.monotonicMs() - startMs);
    if (restMs === 0) return;
    socket.pause();
    const goOn = (): void => {
      if (!conversation.isOver) socket.resume();
    };
    clock.sleep(restMs, this.stopping.signal).then(goOn, goOn);
  }

  private converse(socket: Socket): Conversation {
    return new Conversation({
      ...this.parts,
      write: (bytes) => {
        socket.write(bytes);
        if (socket.writableLength > maxUnreadBytes) socket.destroy();
      },
      hangUp: () => this.hangUp(socket),
      onState: (problem) => this.show(problem),
    });
  }

  /** A guest that does not read keeps what was written from ever being flushed. */
  private hangUp(socket: Socket): void {
    const closed = new AbortController();
    socket.once('close', () => closed.abort());
    socket.pause().destroySoon();
    const destroy = (): void => void socket.destroy();
    this.parts.clock.sleep(farewellMs, closed.signal).then(destroy, destroy);
  }

  private show(problem: string | undefined): void {
    if (problem === this.problem) return;
    this.problem = problem;
    const { vm, agent, log } = this.parts;
    if (problem === undefined) log.write('info', { vm, agent }, 'hypercall channel is ready');
    else log.write('info', { vm, agent, problem }, 'hypercall channel is not ready');
  }
}

function nobodyThere({ vm, agent, path }: ChannelParts): string {
  return `nobody serves ${path}; is ${vm} running, with a virtio-serial port portkey.${agent}?`;
}
