/**
 * A virtio-serial port as a byte channel: /dev/virtio-ports/NAME in the guest, a QEMU chardev on the host.
 *
 * A write goes to the device at once and is one virtqueue kick. Reading blocks in the kernel, and a blocked read
 * in Node's thread pool can neither be cancelled nor outlived by the process; so a `cat` on the same descriptor
 * reads, and ends with its pipe, its kill, or the host's disconnect (the kernel then returns 0: drivers/char/
 * virtio_console.c). What comes that way are a few COMPLETEs. The port is at its end when that pipe is, not when
 * `cat` is: the last answers may still be in the pipe then.
 * The device can be open once at a time: a second open fails with EBUSY.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { open, type FileHandle } from 'node:fs/promises';

import { asPortkeyError, PortkeyError } from '../errors/index.js';
import type { Clock } from '../process/index.js';
import type { ByteChannel } from './client.js';

/** Starts `cat` with `fd` as its stdin and its stdout piped. */
export type SpawnReader = (fd: number) => ChildProcess;

/**
 * Ends with the process that starts it, also where that is killed: it would go on reading, and keep the port from the next
 * agent, for as long as the host has nothing to say.
 */
export const startPortReader: SpawnReader = (fd) =>
  spawn('setpriv', ['--pdeathsig', 'KILL', 'cat'], { stdio: [fd, 'pipe', 'inherit'] });

/** A reader of an unconnected port ends within this time, also in a slow guest. */
const settleMs = 300;

export class VirtioPort implements ByteChannel {
  private readerFailure: Error | undefined;

  private constructor(
    private readonly file: FileHandle,
    private readonly reader: ChildProcess,
  ) {
    // At once: a process that cannot be started says so before anybody listens, and unheard that ends the agent.
    reader.on('error', (error) => (this.readerFailure ??= error));
  }

  /**
   * Throws `no-hypercall-channel` where there is no such port, another process has it, or nobody is at its other
   * end. The last one shows in the reader's ending at once; a write would block until somebody came.
   */
  static async open(device: string, spawnReader: SpawnReader, clock: Clock): Promise<VirtioPort> {
    const file = await open(device, 'r+').catch((cause: unknown) => {
      throw new PortkeyError(
        'no-hypercall-channel',
        `cannot open ${device}: ${asPortkeyError(cause).message}; does the VM have this virtio-serial port?`,
        { cause },
      );
    });
    const port = new VirtioPort(file, spawnReader(file.fd));
    await clock.sleep(settleMs);
    if (port.isReading) return port;
    await port.close();
    const cause = port.readerFailure;
    if (cause !== undefined) {
      throw new PortkeyError(
        'no-hypercall-channel',
        `cannot read ${device}: ${cause.message}; can the VM start processes?`,
        { cause },
      );
    }
    throw new PortkeyError(
      'no-hypercall-channel',
      `nobody is at the other end of ${device}; is the hypervisor relay running, and is this VM in its configuration?`,
    );
  }

  async write(bytes: Buffer): Promise<void> {
    let offset = 0;
    while (offset < bytes.length) {
      const { bytesWritten } = await this.file.write(bytes, offset, bytes.length - offset, null);
      offset += bytesWritten;
    }
  }

  listen(onData: (bytes: Buffer) => void, onEnd: (reason?: Error) => void): void {
    this.reader.stdout?.on('data', onData);
    this.reader.once('close', () => onEnd(this.readerFailure));
  }

  async close(): Promise<void> {
    this.reader.kill('SIGKILL');
    await this.file.close();
  }

  private get isReading(): boolean {
    const { exitCode, signalCode } = this.reader;
    return exitCode === null && signalCode === null && this.readerFailure === undefined;
  }
}
