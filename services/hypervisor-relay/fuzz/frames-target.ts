/**
 * Bytes of a hypercall port, as a guest may write them, into the relay's frame decoder.
 *
 * Rules: what is wrong is a `bad-frame`, never another error;
 * what was decoded says the same when it is encoded again, so that no field is taken for another; whatever came, no more
 * than one frame is kept.
 */
import assert from 'node:assert/strict';

import { PortkeyError } from '../../../libraries/errors/index.js';
import { mutate, Random, withoutNumbers, type Target } from '../../../libraries/fuzzing/index.js';
import {
  FrameReader,
  FrameWriter,
  maxFrameBytes,
  RunList,
  type Message,
} from '../../../libraries/hypercall/index.js';

export function framesTarget(): Target<Buffer> {
  return {
    name: 'frames of a hypercall port',
    seeds: [
      Buffer.concat(messages().map(encoderOf())),
      ...nonEmpty(messages().map((message) => encoderOf()(message))),
    ],
    change: mutate,
    run: (bytes) => {
      const reader = new FrameReader();
      const types: string[] = [];
      // Where a read ends depends on the case, so that it can be repeated.
      const cuts = new Random(bytes.length);
      try {
        for (let at = 0; at < bytes.length;) {
          const length = 1 + cuts.below(bytes.length - at);
          for (const { message } of reader.push(bytes.subarray(at, at + length))) {
            requireSame(message);
            types.push(message.type);
          }
          assert.ok(reader.keptBytes <= maxFrameBytes, `${reader.keptBytes} bytes are kept`);
          at += length;
        }
        return types.join(' ');
      } catch (error) {
        if (!(error instanceof PortkeyError) || error.code !== 'bad-frame') throw error;
        return `${types.join(' ')}: ${withoutNumbers(error.message)}`;
      }
    },
    print: (bytes) => bytes.toString('hex'),
  };
}

function requireSame(message: Message): void {
  const encoded = encoderOf()(message);
  const [again] = [...new FrameReader().push(encoded)];
  assert.ok(again !== undefined);
  assert.ok(
    encoderOf()(again.message).equals(encoded),
    `${message.type} is not the same when it is encoded again`,
  );
}

function encoderOf(): (message: Message) => Buffer {
  const writer = new FrameWriter();
  return (message) => writer.encode(message).bytes;
}

function nonEmpty<T>(list: T[]): [T, ...T[]] {
  const [first, ...others] = list;
  if (first === undefined) throw new Error('there is nothing to begin with');
  return [first, ...others];
}

function messages(): Message[] {
  const runs = new RunList();
  runs.push(1, 1, 1);
  runs.push(2 ** 33, 16, 2 ** 40);
  const pages = new RunList();
  pages.push(0, 3, 9);
  return [
    {
      type: 'hello',
      agent: 'checkpoint',
      nonceAddress: 4096,
      nonce: Buffer.alloc(32, 7),
      memoryBytes: 2 ** 31,
      pageBytes: 4096,
      kernel: '6.12.0',
    },
    { type: 'open', object: 1, migrationId: 'm-1', name: 'memory/pages-1.img' },
    { type: 'send', object: 1, runs },
    { type: 'drop', object: 1, pages },
    { type: 'close', object: 1 },
    { type: 'bye' },
    { type: 'hello-ok', nonce: Buffer.alloc(32, 7), maxFrameBytes: 32_768, credits: 16 },
    { type: 'complete', object: 1, sequence: 2, bytes: 4096, starvedUs: 5, queueDepth: 1 },
    { type: 'error', code: 'bad-run', object: 1, text: 'no' },
  ];
}
