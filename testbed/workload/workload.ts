/**
 * The built-in workload's client: loads, writes, and says on request whether everything is still there.
 *
 *   connecting → loading → writing ⇄ verifying
 *        └──────────┴─────────┴──────────┴────→ broken (for good)
 *
 * Invariants: all writes and, while it holds, all reads go over one connection, opened once. `connectionKept` goes
 * from true to false at most once. A verification runs alone: it waits for the loading and for
 * a verification that came before it.
 *
 * A broken connection still leaves the question whether the data survived, so the check then reads over a second
 * connection that lives only for it; the verdict is not ok all the same.
 *
 * Limits: it can tell a lost write only for keys of its own, and it trusts that nobody else writes to them.
 */
import { asPortkeyError } from '../../libraries/errors/index.js';
import { secondsSince, type Clock } from '../../libraries/process/index.js';
import type { WorkloadStatus, WorkloadVerdict } from '../../libraries/rpc/index.js';
import { RedisConnection } from './connection.js';
import { Ledger } from './ledger.js';
import { KEY_MEMORY_BYTES } from './values.js';
import { readBack, serverClientId, type Tally } from './verification.js';
import { Writer } from './writer.js';

const attemptMs = 2_000;
const retryMs = 100;

export interface WorkloadSettings {
  readonly container: string;
  readonly host: string;
  readonly port: number;
  readonly memoryBytes: number;
  readonly writeBytesPerSecond: number;
  /** How long Redis may take to accept the one connection. */
  readonly connectWithinMs: number;
}

interface Reading {
  readonly tally: Tally;
  /** Redis still knows the client by the number it had at first. */
  readonly sameConnection: boolean;
}

type Phase = 'connecting' | 'loading' | 'writing' | 'verifying' | 'broken';

export class Workload {
  private phase: Phase = 'connecting';
  private failure = '';
  private connection: RedisConnection | undefined;
  private writer: Writer | undefined;
  private clientId = 0;
  private ending = false;
  private readonly ledger: Ledger;
  private lastStep: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly settings: WorkloadSettings,
    private readonly clock: Clock,
    private readonly random: () => number,
  ) {
    this.ledger = new Ledger(Math.floor(settings.memoryBytes / KEY_MEMORY_BYTES));
  }

  /** Connects and loads, then writes until `end`. Never rejects: a failure is the phase `broken`. */
  start(): Promise<void> {
    const loaded = this.connectAndLoad();
    this.lastStep = loaded;
    return loaded;
  }

  status(): WorkloadStatus {
    const { container, memoryBytes, writeBytesPerSecond } = this.settings;
    const broken = this.connection?.broken;
    return {
      container,
      kind: 'redis',
      phase: broken === undefined ? this.phase : 'broken',
      detail: broken?.message ?? (this.failure || (this.writer?.refusal ?? '')),
      keys: this.ledger.keys,
      loadedKeys: Math.min(this.ledger.keys, this.ledger.acknowledgedWrites),
      memoryBytes,
      writeBytesPerSecond,
      acknowledgedWrites: this.ledger.acknowledgedWrites,
      refusedWrites: this.writer?.refusedWrites ?? 0,
      replies: this.connection?.replies ?? 0,
      waiting: this.connection?.waiting ?? 0,
      connectionKept: broken === undefined && this.phase !== 'broken',
      connectionId: this.connectionId(),
      longestPauseSeconds: this.connection?.longestWaitSeconds() ?? 0,
    };
  }

  resetPause(): void {
    this.connection?.resetLongestWait();
  }

  /** Throws `service-unavailable` if Redis cannot be read at all. */
  verify(): Promise<WorkloadVerdict> {
    const check = this.lastStep.then(() => this.verifyNow());
    this.lastStep = check.catch(() => undefined);
    return check;
  }

  async end(): Promise<void> {
    this.ending = true;
    this.connection?.close();
    await this.writer?.pause();
  }

  private async connectAndLoad(): Promise<void> {
    try {
      const connection = await this.connect();
      this.connection = connection;
      this.clientId = await serverClientId(connection);
      this.phase = 'loading';
      this.writer = new Writer(
        { connection, ledger: this.ledger, clock: this.clock, random: this.random },
        this.settings.writeBytesPerSecond,
      );
      await this.writer.load();
      connection.resetLongestWait();
      this.phase = 'writing';
      this.writer.start();
    } catch (error) {
      this.phase = 'broken';
      this.failure = asPortkeyError(error).message;
    }
  }

  private async verifyNow(): Promise<WorkloadVerdict> {
    const startMs = this.clock.monotonicMs();
    await this.writer?.pause();
    if (this.phase === 'writing') this.phase = 'verifying';
    try {
      return this.verdict(await this.readEverything(), secondsSince(this.clock, startMs));
    } finally {
      if (this.phase === 'verifying') {
        this.phase = 'writing';
        this.writer?.start();
      }
    }
  }

  private async readEverything(): Promise<Reading> {
    const first = this.connection;
    const reading = first === undefined ? undefined : await this.readOverFirst(first);
    if (reading !== undefined) return reading;
    const second = await this.open();
    try {
      return { tally: await readBack(second, this.ledger), sameConnection: false };
    } finally {
      second.close();
    }
  }

  /** undefined if the connection is broken, before or on the way. */
  private async readOverFirst(connection: RedisConnection): Promise<Reading | undefined> {
    try {
      const sameConnection = (await serverClientId(connection)) === this.clientId;
      return { tally: await readBack(connection, this.ledger), sameConnection };
    } catch (error) {
      if (error === connection.broken) return undefined;
      throw error;
    }
  }

  private verdict({ tally, sameConnection }: Reading, seconds: number): WorkloadVerdict {
    const { acknowledgedWrites, refusedWrites, longestPauseSeconds, keys } = this.status();
    const connectionKept = sameConnection && this.connection?.broken === undefined;
    return {
      ok: tally.lost === 0 && tally.corrupt === 0 && refusedWrites === 0 && connectionKept,
      keys,
      acknowledgedWrites,
      lostWrites: tally.lost,
      corruptValues: tally.corrupt,
      connectionKept,
      connectionId: this.connectionId(),
      longestPauseSeconds,
      seconds,
    };
  }

  private connectionId(): string {
    return this.connection === undefined ? '' : `${this.connection.localAddress}#${this.clientId}`;
  }

  /** Redis in the container may not listen yet, so attempts repeat until the first one succeeds. */
  private async connect(): Promise<RedisConnection> {
    const startMs = this.clock.monotonicMs();
    for (;;) {
      try {
        return await this.open();
      } catch (error) {
        const waitedMs = this.clock.monotonicMs() - startMs;
        if (this.ending || waitedMs >= this.settings.connectWithinMs) throw error;
        await this.clock.sleep(retryMs);
      }
    }
  }

  private open(): Promise<RedisConnection> {
    return RedisConnection.open(this.settings.host, this.settings.port, this.clock, attemptMs);
  }
}
