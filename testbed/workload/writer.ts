/**
 * Writes to random keys at a steady rate over one connection, and sends a PING where there is nothing to write.
 *
 * At most `windowSize` commands wait for a reply: a server that stands still gets no more than that to catch up
 * with. The PINGs, one every tenth of a second while nothing else waits, make the longest wait mean something at rate 0,
 * too; more of them would be work of their own for a container that is meant to be idle.
 * `pause` stops and waits for the last reply; a broken connection ends the writing for good.
 */
import type { Clock } from '../../libraries/process/index.js';
import type { RedisConnection } from './connection.js';
import type { Ledger } from './ledger.js';
import { Pacer } from './pacer.js';
import type { Reply } from './resp.js';
import { KEY_MEMORY_BYTES, valueOf } from './values.js';

const windowSize = 64;
const tickMs = 5;
const probeEveryMs = 100;

export interface WriterParts {
  readonly connection: RedisConnection;
  readonly ledger: Ledger;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

export const keyName = (key: number): string => `key:${String(key).padStart(8, '0')}`;

export class Writer {
  private loop: Promise<void> | undefined;
  private stopping = false;
  private refusedCount = 0;
  private firstRefusal = '';

  constructor(
    private readonly parts: WriterParts,
    private readonly bytesPerSecond: number,
  ) {}

  get refusedWrites(): number {
    return this.refusedCount;
  }

  /** The first error reply's text; empty if there was none. */
  get refusal(): string {
    return this.firstRefusal;
  }

  /** Writes every key once, with as many commands under way as the window allows. Rejects if the connection breaks. */
  async load(): Promise<void> {
    const { ledger, connection } = this.parts;
    const underWay = new Set<Promise<void>>();
    for (let key = 0; key < ledger.keys; key += 1) {
      const write = this.write(key, false).finally(() => underWay.delete(write));
      underWay.add(write);
      if (underWay.size >= windowSize) await Promise.race(underWay);
      if (connection.broken !== undefined) break;
    }
    await Promise.all(underWay);
    if (connection.broken !== undefined) throw connection.broken;
  }

  start(): void {
    this.stopping = false;
    this.loop ??= this.run();
  }

  /** Resolves when nothing waits for a reply any more. */
  async pause(): Promise<void> {
    this.stopping = true;
    await this.loop;
    this.loop = undefined;
  }

  private async run(): Promise<void> {
    const { connection, clock, ledger, random } = this.parts;
    const perSecond = ledger.keys === 0 ? 0 : this.bytesPerSecond / KEY_MEMORY_BYTES;
    const pacer = new Pacer(perSecond, clock.monotonicMs());
    let lastSentMs = 0;
    while (!this.stopping && connection.broken === undefined) {
      const nowMs = clock.monotonicMs();
      const due = pacer.take(nowMs, windowSize - connection.waiting);
      for (let count = 0; count < due; count += 1) void this.write(Math.floor(random() * ledger.keys), true);
      if (due > 0) lastSentMs = nowMs;
      else if (connection.waiting === 0 && nowMs - lastSentMs >= probeEveryMs) {
        lastSentMs = nowMs;
        void this.probe();
      }
      await clock.sleep(tickMs);
    }
    while (connection.waiting > 0 && connection.broken === undefined) await clock.sleep(tickMs);
  }

  /** Never rejects: what a broken connection means is the connection's to say. */
  private async write(key: number, measured: boolean): Promise<void> {
    const { connection, ledger } = this.parts;
    const version = ledger.beginWrite(key);
    const reply = await answerOf(connection.send(['SET', keyName(key), valueOf(key, version)], measured));
    if (reply === undefined) return;
    if (reply.kind === 'status' && reply.text === 'OK') ledger.acknowledge(key, version);
    else this.noteRefusal(reply);
  }

  private async probe(): Promise<void> {
    const reply = await answerOf(this.parts.connection.send(['PING'], true));
    if (reply !== undefined && !(reply.kind === 'status' && reply.text === 'PONG')) this.noteRefusal(reply);
  }

  private noteRefusal(reply: Reply): void {
    this.refusedCount += 1;
    if (this.firstRefusal === '')
      this.firstRefusal = reply.kind === 'error' ? reply.text : `a reply of kind ${reply.kind} to a write`;
  }
}

/** undefined where the connection broke before the reply. */
function answerOf(reply: Promise<Reply>): Promise<Reply | undefined> {
  return reply.catch(() => undefined);
}
