/**
 * What a relay that lies sends to a landing: the real receiver on a real socket, writing into a real folder in which the
 * guest has planted links.
 *
 * Rules: the receiver ends at an END, or with an error that says whose fault it is, never `internal`; nothing outside the landing is written, made
 * or longer than before; no descriptor is left open; a landing takes no more room than content has come.
 */
import assert from 'node:assert/strict';
import {
  closeSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';

import { asPortkeyError } from '../../../libraries/errors/index.js';
import { mutate, withoutNumbers, type Target } from '../../../libraries/fuzzing/index.js';
import { openSocketPair, setReceiveTimeout } from '../../../libraries/libc/index.js';
import { closeBody, fileBody, objectBody, rangesBody } from '../stream/bodies.js';
import { Counters } from '../stream/counters.js';
import { encodeMessage, type StreamType } from '../stream/protocol.js';
import { landingQuota } from '../stream/landing-quota.js';
import { Receiver } from '../stream/receiver.js';
import { WriteTurns } from '../stream/write-turns.js';

/** More would not fit a socket's buffer, and nobody reads while it is written. */
const maxCaseBytes = 96 * 1024;
/** Only where a case announces more than it has. */
const patienceMs = 2;
/** So that many cases together use it up, which no landing holds for long. */
const quotaBytes = 2 ** 24;
const canary = 'nobody writes here';

export function streamTarget(root: string): Target<Buffer> {
  const outside = path.join(root, 'outside');
  const landing = path.join(root, 'landing');
  mkdirSync(outside);
  writeFileSync(path.join(outside, 'file'), canary);
  const descriptors = openDescriptors();
  const quota = landingQuota(quotaBytes);
  let caseCount = 0;
  return {
    name: 'stream from another relay',
    seeds: [
      wholeStream(),
      ...hostileNames.map((name) => streamOf([named(name, 1), fileMessage(name, 2)])),
      ...outOfOrder().map(streamOf),
    ],
    change: (from, other, random) => mutate(from, other, random).subarray(0, maxCaseBytes),
    run: (bytes) => {
      caseCount += 1;
      if (caseCount % 64 === 1) plant(landing, outside);
      const outcome = receive(bytes, landing, quota);
      assert.equal(readFileSync(path.join(outside, 'file'), 'utf8'), canary, 'a file outside was written');
      return outcome;
    },
    print: (bytes) => bytes.toString('hex'),
    rest: () => {
      assert.deepEqual(readdirSync(outside), ['file'], 'something was made outside');
      assert.deepEqual(
        readdirSync(root).sort(),
        ['landing', 'outside'],
        'something was made beside the landing',
      );
      assert.equal(openDescriptors(), descriptors, 'descriptors were left open');
    },
  };
}

function receive(bytes: Buffer, landing: string, quota: SharedArrayBuffer): string {
  const [ours, theirs] = openSocketPair();
  const before = blocksIn(landing);
  try {
    setReceiveTimeout(theirs, patienceMs);
    for (let at = 0; at < bytes.length;) at += writeSync(ours, bytes, at);
    const counters = new Counters();
    const start = {
      way: { socket: { fd: theirs, session: undefined } },
      security: 'insecure',
      folder: landing,
      quota,
      counters: counters.shared,
      writeTurns: new WriteTurns().shared,
    } as const;
    const clock = { monotonicMs: () => performance.now() };
    new Receiver(start, { clock, report: () => undefined }).run();
    return 'sealed';
  } catch (thrown) {
    const { code, message } = asPortkeyError(thrown);
    assert.ok(allowed.has(code), `${code}: ${message}`);
    return `${code} ${withoutNumbers(message)}`;
  } finally {
    closeSync(ours);
    closeSync(theirs);
    // What is written in pages takes whole ones, and each file and folder one for itself.
    assert.ok(
      blocksIn(landing) - before <= bytes.length + 64 * 4096,
      'the landing takes more room than content came',
    );
  }
}

const allowed: ReadonlySet<string> = new Set([
  'stream-broken',
  'no-room',
  'invalid-argument',
  'share-tampered',
]);

/** As a guest that shares the folder could: links out of it under the names that are to be written. */
function plant(landing: string, outside: string): void {
  rmSync(landing, { recursive: true, force: true });
  mkdirSync(path.join(landing, 'final'), { recursive: true });
  symlinkSync(path.join(outside, 'file'), path.join(landing, 'link'));
  symlinkSync(outside, path.join(landing, 'memory'));
  symlinkSync('../../outside/file', path.join(landing, 'final', 'core-1.img'));
}

const hostileNames = [
  '../outside/file',
  '/etc/portkey-fuzz',
  'link',
  'memory/new',
  'final/core-1.img',
  'a/../../outside/new',
  '',
] as const;

function wholeStream(): Buffer {
  const ranges = [{ page: 3, count: 1 }];
  return streamOf([
    named('pages/1.img', 1),
    Buffer.concat([encodeMessage('batch', 2, rangesBody(1, ranges), 4096), Buffer.alloc(4096, 9)]),
    encodeMessage('zero', 3, rangesBody(1, [{ page: 9, count: 4 }])),
    encodeMessage('drop', 4, rangesBody(1, ranges)),
    encodeMessage('close', 5, closeBody(1)),
    fileMessage('final/inventory.img', 6),
    encodeMessage('end', 7),
  ]);
}

/** Of objects that are not open, or open already. */
function outOfOrder(): Buffer[][] {
  const ranges = [{ page: 1, count: 1 }];
  return [
    [encodeMessage('close', 1, closeBody(9))],
    [encodeMessage('zero', 1, rangesBody(9, ranges))],
    [encodeMessage('drop', 1, rangesBody(9, ranges))],
    [Buffer.concat([encodeMessage('batch', 1, rangesBody(9, ranges), 4096), Buffer.alloc(4096)])],
    [named('a', 1), encodeMessage('object', 2, objectBody(1, 'b'))],
  ];
}

function named(name: string, sequence: number): Buffer {
  return encodeMessage('object', sequence, objectBody(sequence, name));
}

function fileMessage(name: string, sequence: number): Buffer {
  return Buffer.concat([encodeMessage('file', sequence, fileBody(name), 100), Buffer.alloc(100, 5)]);
}

/** What comes last has the wrong sequence, so that the receiver need not wait for more. */
function streamOf(messages: readonly Buffer[]): Buffer {
  const last: StreamType = 'end';
  return Buffer.concat([...messages, encodeMessage(last, 0xffff)]);
}

function blocksIn(folder: string): number {
  const entries = readdirSync(folder, { withFileTypes: true, recursive: true });
  const bytes = entries
    .filter((entry) => entry.isFile())
    .map((entry) => statSync(path.join(entry.parentPath, entry.name)).blocks * 512);
  return bytes.reduce((sum, each) => sum + each, 0);
}

function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}
