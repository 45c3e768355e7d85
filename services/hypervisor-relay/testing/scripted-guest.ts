/** For tests: the guest's half of a hypercall port, on the socket that stands for QEMU's chardev. */
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';

import {
  HypercallClient,
  nonceBytes,
  type Agent,
  type ByteChannel,
  type Grant,
} from '../../../libraries/hypercall/index.js';
import { highRamAddress, type ScriptedQemu } from './scripted-qemu.js';

export class SocketChannel implements ByteChannel {
  private onData: (bytes: Buffer) => void = () => undefined;
  private onClose: () => void = () => undefined;

  constructor(private readonly socket: Socket) {}

  write(bytes: Buffer): Promise<void> {
    return new Promise((resolve, reject) =>
      this.socket.write(bytes, (error) => (error ? reject(error) : resolve())),
    );
  }

  listen(onData: (bytes: Buffer) => void, onEnd: (reason?: Error) => void): void {
    this.onData = onData;
    this.onClose = () => onEnd();
    // Whoever had the port open before is gone.
    this.socket.removeAllListeners('data').on('data', onData).once('close', this.onClose);
  }

  /** A guest that closes its port leaves QEMU's connection to the relay as it is. */
  close(): Promise<void> {
    this.socket.off('data', this.onData).off('close', this.onClose);
    return Promise.resolve();
  }
}

export interface GuestOptions {
  readonly agent?: Agent;
  readonly nonceAddress?: number;
  readonly memoryBytes?: number;
  /** What the page holds, where it is not what HELLO says. */
  readonly pageHolds?: Buffer;
}

/** Says HELLO on a port and waits for the answer. */
export async function greet(
  qemu: ScriptedQemu,
  options: GuestOptions = {},
): Promise<{ client: HypercallClient; grant: Grant }> {
  const agent = options.agent ?? 'checkpoint';
  const nonceAddress = options.nonceAddress ?? highRamAddress + 4096;
  const nonce = randomBytes(nonceBytes);
  qemu.write(nonceAddress, options.pageHolds ?? nonce);
  const client = new HypercallClient(new SocketChannel(await qemu.port(agent)));
  const grant = await client.hello({
    agent,
    nonceAddress,
    nonce,
    memoryBytes: options.memoryBytes ?? 200 * 2 ** 20,
    pageBytes: 4096,
    kernel: '6.12.0-test',
  });
  return { client, grant };
}
