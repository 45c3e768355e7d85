/**
 * A landing into which a stream that lies is received: the real receiver on a real socket, writing into a real folder in
 * which the guest has planted links.
 *
 * Rules: the receiver ends at an END, or with an error that says whose fault it is, never `internal`; each message before
 * that is acknowledged, in order, and nothing after it; nothing outside the landing is written, made or longer than before;
 * no descriptor is left open; a landing takes no more room than content has come.
 */
import assert from 'node:assert/strict';
import {
  closeSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';

import { asPortkeyError } from '../../../libraries/errors/index.js';
import { withoutNumbers } from '../../../libraries/fuzzing/index.js';
import { endSending, openSocketPair } from '../../../libraries/libc/index.js';
import { Counters } from '../stream/counters.js';
import { landingQuota } from '../stream/landing-quota.js';
import { Receiver } from '../stream/receiver.js';
import { WriteTurns } from '../stream/write-turns.js';
import { messagesIn } from './stream-messages.js';

/** More would not fit a socket's buffer, and nobody reads while it is written. */
export const maxCaseBytes = 96 * 1024;
/** So that many cases together use it up, which no landing holds for long. */
const quotaBytes = 2 ** 24;
const casesPerLanding = 64;
const canary = 'nobody writes here';

export interface Received {
  readonly outcome: string;
  /** Messages that were acknowledged, from the first on. */
  readonly landed: number;
}

export class LandingUnderTest {
  readonly folder: string;
  private readonly outside: string;
  private readonly quota = landingQuota(quotaBytes);
  private readonly answers = Buffer.alloc(maxCaseBytes);
  private readonly descriptors: number;
  private caseCount = 0;
  private takenBytes = 0;

  /** `root`: an empty folder, for this alone. */
  constructor(private readonly root: string) {
    this.outside = path.join(root, 'outside');
    this.folder = path.join(root, 'landing');
    mkdirSync(this.outside);
    writeFileSync(path.join(this.outside, 'file'), canary);
    this.descriptors = openDescriptors();
  }

  receive(bytes: Buffer): Received {
    if (this.caseCount % casesPerLanding === 0) this.plant();
    this.caseCount += 1;
    const [ours, theirs] = openSocketPair();
    try {
      for (let at = 0; at < bytes.length;) at += writeSync(ours, bytes, at);
      endSending(ours);
      const outcome = this.runReceiver(theirs);
      endSending(theirs);
      return { outcome, landed: this.acknowledged(ours, outcome === sealed) };
    } finally {
      closeSync(ours);
      closeSync(theirs);
      this.requireWithin(bytes.length);
    }
  }

  /** Rules that are asked of many cases together. */
  requireUntouched(): void {
    assert.deepEqual(readdirSync(this.outside), ['file'], 'something was made outside');
    assert.deepEqual(
      readdirSync(this.root).sort(),
      ['landing', 'outside'],
      'something was made beside the landing',
    );
    assert.equal(openDescriptors(), this.descriptors, 'descriptors were left open');
  }

  private runReceiver(fd: number): string {
    const start = {
      way: { socket: { fd, session: undefined } },
      security: 'insecure',
      folder: { root: path.dirname(this.folder), name: path.basename(this.folder) },
      quota: this.quota,
      counters: new Counters().shared,
      writeTurns: new WriteTurns().shared,
    } as const;
    try {
      const clock = { monotonicMs: () => performance.now() };
      new Receiver(start, { clock, report: () => undefined }).run();
      return sealed;
    } catch (thrown) {
      const { code, message } = asPortkeyError(thrown);
      assert.ok(allowed.has(code), `${code}: ${message}`);
      return `${code} ${withoutNumbers(message.replaceAll(this.folder, ''))}`;
    }
  }

  /** LANDEDs from 1 on, and then REFUSED where it was not sealed. */
  private acknowledged(ours: number, isSealed: boolean): number {
    let length = 0;
    for (let read = -1; read !== 0; length += read)
      read = readSync(ours, this.answers, length, this.answers.length - length, null);
    const answers = messagesIn(this.answers.subarray(0, length));
    const last = isSealed ? undefined : answers.pop();
    assert.ok(isSealed || last?.type === 'refused', 'a stream that was broken off was not told why');
    answers.forEach(({ type, sequence }, index) =>
      assert.deepEqual([type, sequence], ['landed', index + 1], 'an answer that is not due'),
    );
    return answers.length;
  }

  private requireWithin(sentBytes: number): void {
    assert.equal(readFileSync(path.join(this.outside, 'file'), 'utf8'), canary, 'a file outside was written');
    const before = this.takenBytes;
    this.takenBytes = blocksIn(this.folder);
    // What is written in pages takes whole ones, and each file and folder one for itself.
    assert.ok(
      this.takenBytes - before <= sentBytes + 64 * 4096,
      'the landing takes more room than content came',
    );
  }

  /** As a guest that shares the folder could: links out of it under the names that are to be written. */
  private plant(): void {
    rmSync(this.folder, { recursive: true, force: true });
    mkdirSync(path.join(this.folder, 'final'), { recursive: true });
    symlinkSync(path.join(this.outside, 'file'), path.join(this.folder, 'link'));
    symlinkSync(this.outside, path.join(this.folder, 'memory'));
    symlinkSync('../../outside/file', path.join(this.folder, 'final', 'core-1.img'));
    this.takenBytes = 0;
  }
}

/** Names of objects and files that lead out of the landing, or try to. */
export const hostileNames: readonly [string, ...string[]] = [
  '../outside/file',
  '/etc/portkey-fuzz',
  'link',
  'memory/new',
  'final/core-1.img',
  'a/../../outside/new',
  '',
];

const sealed = 'sealed';
const allowed: ReadonlySet<string> = new Set([
  'stream-broken',
  'no-room',
  'invalid-argument',
  'share-tampered',
]);

function blocksIn(folder: string): number {
  let bytes = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true }))
    if (entry.isFile()) bytes += statSync(path.join(entry.parentPath, entry.name)).blocks * 512;
  return bytes;
}

function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}
