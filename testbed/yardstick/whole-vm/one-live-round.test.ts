import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import os from 'node:os';
import path from 'node:path';

import { systemClock } from '../../../libraries/process/index.js';
import { withQmp } from '../../../libraries/qemu/index.js';
import { losesWrites, OneLiveRound, reserveBytes } from './one-live-round.js';

const mib = 2 ** 20;

interface Progress {
  readonly status: string;
  readonly remaining?: number;
  readonly looks?: number;
}

describe('one live round', () => {
  let folder = '';
  let server: Server;
  let asked: string[];
  let progress: Progress[];
  let major = 7;
  const source = { daemon: { name: 'qemu', pid: 0, failure: () => undefined } };
  const tools = { clock: systemClock, signal: new AbortController().signal };

  /** A scripted QEMU: each look at the migration is answered with the next of `progress`, and the last one again. */
  const answerTo = (command: string): unknown => {
    if (command === 'query-version') return { qemu: { major, minor: 0, micro: 0 } };
    if (command === 'query-status') return { status: 'paused' };
    if (command !== 'query-migrate') return {};
    const {
      status,
      remaining,
      looks = 1,
    } = (progress.length > 1 ? progress.shift() : progress[0]) ?? {
      status: 'none',
    };
    return remaining === undefined ? { status } : { status, ram: { remaining, 'dirty-sync-count': looks } };
  };

  beforeEach(async () => {
    asked = [];
    folder = await mkdtemp(path.join(os.tmpdir(), 'portkey-round-'));
    server = createServer((socket) => {
      socket.setEncoding('utf8').on('data', (text: string) => {
        for (const line of text.trim().split('\n')) {
          const { execute } = JSON.parse(line) as { execute: string };
          if (execute !== 'qmp_capabilities') asked.push(execute);
          socket.write(`${JSON.stringify({ return: answerTo(execute) })}\n`);
        }
      });
    });
    await new Promise<void>((resolve) => server.listen(path.join(folder, 'qmp'), resolve));
  });
  afterEach(async () => {
    await new Promise((resolve) => server.close(resolve));
    await rm(folder, { recursive: true });
  });

  const run = (): Promise<OneLiveRound> =>
    withQmp(path.join(folder, 'qmp'), async (qmp) => {
      const round = new OneLiveRound(qmp, source, tools);
      await round.prepare();
      await round.run();
      return round;
    });

  it('is for emulating QEMUs before 9.0', async () => {
    const loses = (accelerator: 'kvm' | 'tcg'): Promise<boolean> =>
      withQmp(path.join(folder, 'qmp'), (qmp) => losesWrites(qmp, accelerator));
    assert.deepEqual([await loses('tcg'), await loses('kvm')], [true, false]);
    major = 9;
    assert.equal(await loses('tcg'), false);
    major = 7;
  });

  it('lets the VM run only while the round lasts, and stops it before its end', async () => {
    progress = [
      { status: 'setup' },
      { status: 'active', remaining: 4096 * mib },
      { status: 'active', remaining: 4090 * mib },
      { status: 'active', remaining: 2000 * mib },
      { status: 'active', remaining: 1990 * mib },
      { status: 'active', remaining: 120 * mib },
      { status: 'active', remaining: 110 * mib },
    ];
    const round = await run();
    const commands = asked.filter((command) => command !== 'query-migrate');
    assert.deepEqual(commands, ['stop', 'cont', 'stop']);
    assert.ok(asked.indexOf('cont') > asked.indexOf('query-migrate'), 'not before pages go');
    // 2,090 MiB went between two looks: at that speed the next one could be too late.
    assert.equal(asked.filter((command) => command === 'query-migrate').length, 5);
    await withQmp(path.join(folder, 'qmp'), (qmp) => round.resumeAt(qmp, source));
    assert.deepEqual(asked.slice(-2), ['query-status', 'cont']);
    assert.ok(round.downtimeSeconds() > 0);
  });

  it('is an error where QEMU has looked again, or is through', async () => {
    for (const late of [
      { status: 'active', remaining: 30 * mib, looks: 2 },
      { status: 'completed', remaining: 0, looks: 3 },
    ]) {
      progress = [{ status: 'active', remaining: 4096 * mib }, late];
      await assert.rejects(run(), {
        code: 'command-failed',
        message: /not stopped before QEMU looked again/,
      });
    }
  });

  it('keeps a reserve that grows with the speed', () => {
    assert.equal(reserveBytes(0), 128 * mib);
    assert.equal(reserveBytes(-5 * mib), 128 * mib);
    assert.equal(reserveBytes(100 * mib), 400 * mib);
  });
});
