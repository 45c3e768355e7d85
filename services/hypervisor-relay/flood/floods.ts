/**
 * What a hostile VM does to its relay, over and over on one connection after the other, as fast as the relay takes it.
 *
 *     rubbish    bytes that are no frames
 *     bad frame  a good HELLO, then one
 *     greetings  HELLOs that lie in their nonce: each makes the relay ask QEMU
 *     unproved   the largest frames, before any HELLO
 *     opens      a good HELLO, then OPENs of a migration that is not known, each of which is answered, and their CLOSEs
 *     sends      pages one by one, sixteen full SENDs at a time, in a migration of its own
 *
 * The last is all within the protocol.
 */
import { once } from 'node:events';
import type { Socket } from 'node:net';

import {
  frameTypes,
  FrameWriter,
  maxRunsPerSend,
  nonceBytes,
  RunList,
  u32,
  type HypercallClient,
} from '../../../libraries/hypercall/index.js';
import { PAGE_BYTES } from '../../../libraries/units/index.js';
import { frameOf, openPayload } from '../fuzz/hostile-frames.js';
import { highRamAddress, lowRamBytes, type ScriptedQemu } from '../testing/scripted-qemu.js';

export const floodNames = ['rubbish', 'bad frame', 'greetings', 'unproved', 'opens', 'sends'] as const;
export type FloodName = (typeof floodNames)[number];

/** Of which a stream is open for this VM. */
export interface OwnMigration {
  readonly client: HypercallClient;
  readonly migrationId: string;
}

const sequenceAt = 12;
const rubbishBytes = 64 * 1024;
const nonceAddress = highRamAddress + PAGE_BYTES;

export class Flooding {
  private readonly over = new AbortController();
  private running: Promise<void> = Promise.resolve();

  /** `own`: where it SENDs. */
  constructor(
    private readonly qemu: ScriptedQemu,
    private readonly own?: OwnMigration,
  ) {}

  /** Resolves when there is a port to write to. */
  async start(name: FloodName): Promise<void> {
    if (name === 'sends' && this.own === undefined)
      throw new Error('this flood needs a migration of its own');
    await this.qemu.port('checkpoint', this.over.signal);
    this.running = this.run(name);
  }

  /** Resolves when nothing more is written: what comes next may have the port. Rejects where SENDs had ended before. */
  async stop(): Promise<void> {
    const error = this.own?.client.error;
    this.over.abort();
    await this.own?.client.close();
    await this.running;
    if (error !== undefined) throw error;
  }

  private get isOver(): boolean {
    return this.over.signal.aborted;
  }

  private async run(name: FloodName): Promise<void> {
    while (!this.isOver && this.own?.client.error === undefined) {
      const socket = await this.qemu.port('checkpoint', this.over.signal).catch(() => undefined);
      if (socket === undefined) return;
      // Nobody reads what it answers, and it must not end for that.
      if (this.own === undefined) socket.on('data', () => undefined);
      await this.floods[name](socket).catch(() => undefined);
      // What this flood has left in it is not to meet what comes next.
      if (this.own === undefined) socket.destroy();
    }
  }

  private readonly floods: Readonly<Record<FloodName, (socket: Socket) => Promise<void>>> = {
    rubbish: (socket) => this.repeat(socket, [Buffer.alloc(rubbishBytes, 'rubbish')]),
    'bad frame': (socket) => this.repeat(socket, [this.hello(true), frameOf(99, 1, Buffer.alloc(0))]),
    greetings: (socket) => this.repeat(socket, Array<Buffer>(8).fill(this.hello(false))),
    unproved: (socket) => this.repeat(socket, [frameOf(frameTypes.send, 0, scattered())], 0),
    opens: async (socket) => {
      const answered = Promise.race([once(socket, 'data'), once(socket, 'close')]);
      await write(socket, this.hello(true));
      await answered;
      const pair = [
        frameOf(frameTypes.open, 0, openPayload(1, 'unknown', 'memory/a')),
        frameOf(frameTypes.close, 0, u32(1)),
      ];
      await this.repeat(socket, Array<Buffer[]>(500).fill(pair).flat(), 1);
    },
    sends: () => this.send(),
  };

  /** As they are; or with sequences that go on from `first`. */
  private async repeat(socket: Socket, frames: readonly Buffer[], first?: number): Promise<void> {
    let sequence = first ?? 0;
    while (!this.isOver && !socket.destroyed) {
      const bytes = Buffer.concat(frames);
      for (let index = 0, at = 0; first !== undefined && index < frames.length; index += 1) {
        bytes.writeUInt32LE(sequence, at + sequenceAt);
        sequence = (sequence + 1) >>> 0;
        at += frames[index]?.length ?? 0;
      }
      await write(socket, bytes);
    }
  }

  private async send(): Promise<void> {
    if (this.own === undefined) return;
    const { client, migrationId } = this.own;
    const object = await client.open(migrationId, 'memory/pages-1.img');
    const runs = RunList.fromBytes(scattered().subarray(8));
    while (!this.isOver && client.error === undefined) {
      const { landed } = await client.send(object, runs);
      landed.catch(() => undefined);
    }
  }

  private hello(isTrue: boolean): Buffer {
    const nonce = Buffer.alloc(nonceBytes, 7);
    this.qemu.write(nonceAddress, isTrue ? nonce : Buffer.alloc(nonceBytes));
    return new FrameWriter().encode({
      ...{ type: 'hello', agent: 'checkpoint', nonceAddress, nonce, memoryBytes: lowRamBytes },
      ...{ pageBytes: PAGE_BYTES, kernel: '6.12.0-hostile' },
    }).bytes;
  }
}

/** The payload of a SEND as long as a frame takes it, of single pages none of which follows on from another. */
function scattered(): Buffer {
  const runs = new RunList();
  for (let index = 0; index < maxRunsPerSend; index += 1)
    runs.push(highRamAddress / PAGE_BYTES + 16 + ((index * 7919) % 40_000), 1, index * 2);
  return Buffer.concat([u32(1), u32(maxRunsPerSend), runs.bytes()]);
}

/** Resolves when more may be written; rejects when nothing can be any more. */
async function write(socket: Socket, bytes: Buffer): Promise<void> {
  await new Promise<void>((resolve, reject) =>
    socket.write(bytes, (error) => (error ? reject(error) : resolve())),
  );
}
