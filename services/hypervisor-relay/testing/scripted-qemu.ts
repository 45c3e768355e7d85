/**
 * For tests: what a relay sees of a VM, without a VM.
 *
 * Real: the RAM file on /dev/shm, the unix sockets in the places of QEMU's chardevs and its QMP socket. Scripted:
 * QMP's answers, in QEMU 7.2's words, and the RAM's layout, which is split and has a hole as on q35.
 */
import { closeSync, openSync, readSync, rmSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

import type { VmConfig } from '../config.js';

const MiB = 2 ** 20;
export const lowRamBytes = 64 * MiB;
const defaultHighRamBytes = 192 * MiB;
export const highRamAddress = 4 * 2 ** 30;

export interface QemuOptions {
  readonly share?: boolean;
  /** Length of the RAM file, where it is not that of the RAM. */
  readonly ramBytes?: number;
  readonly highRamBytes?: number;
  /** A folder on tmpfs for everything that this VM has. */
  readonly within?: string;
}

export class ScriptedQemu {
  private readonly servers: Server[] = [];
  private readonly sockets = new Set<Socket>();
  private readonly ramFd: number;
  /** How often somebody has connected to QMP. */
  qmpConnections = 0;
  private ports: Record<'checkpoint' | 'restore', Socket | undefined> = {
    checkpoint: undefined,
    restore: undefined,
  };

  private constructor(
    readonly folder: string,
    readonly config: VmConfig,
    private readonly options: QemuOptions,
  ) {
    writeFileSync(config.ramFile, '');
    truncateSync(config.ramFile, options.ramBytes ?? this.ramBytes);
    this.ramFd = openSync(config.ramFile, 'r+');
    writeFileSync(config.qemuPidFile, String(process.pid));
    writeFileSync(config.virtiofsdPidFile, '');
  }

  static async start(name: string, options: QemuOptions = {}): Promise<ScriptedQemu> {
    const folder = await mkdtemp(join(options.within ?? '/dev/shm', 'portkey-relay-test-'));
    const share = join(folder, 'share');
    for (const part of ['landing', 'outgoing']) await mkdir(join(share, part), { recursive: true });
    const config = {
      name,
      ramFile: join(folder, 'ram'),
      qmpSocket: join(folder, 'qmp'),
      qemuPidFile: join(folder, 'qemu.pid'),
      virtiofsdPidFile: join(folder, 'virtiofsd.pid'),
      checkpointSocket: join(folder, 'checkpoint'),
      restoreSocket: join(folder, 'restore'),
      share,
    };
    const qemu = new ScriptedQemu(folder, config, options);
    await qemu.listen(config.qmpSocket, (socket) => qemu.answerQmp(socket));
    for (const port of ['checkpoint', 'restore'] as const) {
      await qemu.listen(config[`${port}Socket`], (socket) => (qemu.ports[port] = socket));
    }
    return qemu;
  }

  /** The relay's connection to a port, once it is there. Rejects where `signal` aborts. */
  async port(name: 'checkpoint' | 'restore', signal?: AbortSignal): Promise<Socket> {
    for (;;) {
      signal?.throwIfAborted();
      const socket = this.ports[name];
      if (socket !== undefined && !socket.destroyed) return socket;
      await setTimeout(10, undefined, { signal });
    }
  }

  /** Writes guest memory at a guest-physical address. */
  write(guestAddress: number, bytes: Buffer): void {
    writeSync(this.ramFd, bytes, 0, bytes.length, fileOffset(guestAddress));
  }

  read(guestAddress: number, byteLength: number): Buffer {
    const bytes = Buffer.alloc(byteLength);
    readSync(this.ramFd, bytes, 0, byteLength, fileOffset(guestAddress));
    return bytes;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await Promise.all(this.servers.map((server) => new Promise((resolve) => server.close(resolve))));
    closeSync(this.ramFd);
    await rm(this.folder, { recursive: true });
  }

  removeRamFile(): void {
    rmSync(this.config.ramFile);
  }

  get ramBytes(): number {
    return lowRamBytes + (this.options.highRamBytes ?? defaultHighRamBytes);
  }

  private async listen(path: string, onConnection: (socket: Socket) => void): Promise<void> {
    const server = createServer((socket) => {
      this.sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => this.sockets.delete(socket));
      onConnection(socket);
    });
    this.servers.push(server);
    await new Promise<void>((resolve) => server.listen(path, resolve));
  }

  private answerQmp(socket: Socket): void {
    this.qmpConnections += 1;
    const send = (message: object): void => void socket.write(`${JSON.stringify(message)}\r\n`);
    send({ QMP: { version: {}, capabilities: ['oob'] } });
    let buffered = '';
    socket.setEncoding('utf8').on('data', (text: string) => {
      const lines = (buffered + text).split('\n');
      buffered = lines.pop() ?? '';
      for (const line of lines) {
        send({ event: 'RESUME', data: {} });
        const { execute } = JSON.parse(line) as { execute: string };
        const answer = this.qmpAnswers()[execute];
        send(answer === undefined ? { error: { class: 'CommandNotFound' } } : { return: answer });
      }
    });
  }

  private qmpAnswers(): Record<string, unknown> {
    return {
      qmp_capabilities: {},
      'query-kvm': { enabled: false, present: true },
      'query-version': { qemu: { micro: 22, minor: 2, major: 7 }, package: 'Debian' },
      'query-status': { status: 'running', singlestep: false, running: true },
      'query-memdev': [{ id: 'ram0', share: this.options.share ?? true, size: this.ramBytes }],
      'qom-get': this.config.ramFile,
      'human-monitor-command': flatView(this.ramBytes - lowRamBytes),
    };
  }
}

function fileOffset(guestAddress: number): number {
  return guestAddress < highRamAddress ? guestAddress : guestAddress - highRamAddress + lowRamBytes;
}

function flatView(highRamBytes: number): string {
  const hex = (value: number): string => value.toString(16).padStart(16, '0');
  const line = (first: number, end: number, what: string): string =>
    `  ${hex(first)}-${hex(end - 1)} (prio 0, ${what}`;
  return [
    'FlatView #0',
    ' AS "memory", root: system',
    ' Root memory region: system',
    line(0, 0xc0000, 'ram): ram0'),
    line(0xc0000, 0x100000, 'rom): pc.rom'),
    line(0x100000, lowRamBytes, `ram): ram0 @${hex(0x100000)}`),
    line(highRamAddress, highRamAddress + highRamBytes, `ram): ram0 @${hex(lowRamBytes)}`),
    '',
  ].join('\r\n');
}
