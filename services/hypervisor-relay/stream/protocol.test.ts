import assert from 'node:assert/strict';

import fc from 'fast-check';

import { maxPagesPerSend } from '../../../libraries/hypercall/index.js';
import {
  decodeBatch,
  decodeClose,
  decodeFile,
  decodeHello,
  decodeLanded,
  decodeObject,
  decodeRanges,
  decodeRefused,
  fileBody,
  helloBody,
  landedBody,
  maxObjectPages,
  maxStreams,
  objectBody,
  rangesBody,
  refusedBody,
} from './bodies.js';
import { decodeHeader, encodeMessage, streamHeaderBytes, type StreamType } from './protocol.js';

const types: readonly StreamType[] = [
  'hello',
  'object',
  'batch',
  'file',
  'end',
  'close',
  'zero',
  'drop',
  'welcome',
  'landed',
  'refused',
];

describe('the stream between relays', () => {
  it('has headers that come out as they went in', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...types),
        fc.nat(0xffffffff),
        fc.uint8Array({ maxLength: 100 }),
        fc.nat(2 ** 31),
        (type, sequence, body, contentBytes) => {
          const message = encodeMessage(type, sequence, [Buffer.from(body)], contentBytes);
          assert.deepEqual(decodeHeader(message), { type, sequence, bodyBytes: body.length, contentBytes });
          assert.deepEqual(message.subarray(streamHeaderBytes), Buffer.from(body));
        },
      ),
    );
  });

  it('refuses arbitrary bytes with a name for what is wrong', () => {
    const decoders = [
      decodeHello,
      decodeObject,
      decodeRanges,
      decodeClose,
      decodeFile,
      decodeLanded,
      decodeRefused,
    ];
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: streamHeaderBytes, maxLength: 200 }),
        fc.nat(),
        (bytes, content) => {
          const buffer = Buffer.from(bytes);
          for (const decode of [decodeHeader, ...decoders, (body: Buffer) => decodeBatch(body, content)]) {
            try {
              decode(buffer);
            } catch (error) {
              assert.equal((error as { code?: unknown }).code, 'stream-broken');
            }
          }
        },
      ),
    );
  });

  it('has bodies that come out as they went in', () => {
    const token = Buffer.alloc(32, 5);
    const hello = { token, migrationId: 'm1', stream: 3, streamCount: 4 };
    assert.deepEqual(decodeHello(Buffer.concat(helloBody(hello))), hello);
    assert.deepEqual(decodeObject(Buffer.concat(objectBody(3, 'memory/a'))), { object: 3, name: 'memory/a' });
    assert.deepEqual(decodeFile(Buffer.concat(fileBody('final/a'))), { name: 'final/a' });
    assert.deepEqual(decodeLanded(Buffer.concat(landedBody(2 ** 40))), { bytes: 2 ** 40 });
    const refused = { code: 'no-room', text: 'full' } as const;
    assert.deepEqual(decodeRefused(Buffer.concat(refusedBody(refused.code, refused.text))), refused);
    const ranges = [
      { page: 2 ** 35, count: 2 },
      { page: 0, count: 1 },
    ];
    assert.deepEqual(decodeBatch(Buffer.concat(rangesBody(7, ranges)), 3 * 4096), { object: 7, ranges });
  });

  it('has no more streams than a relay takes, and none that is not one of them', () => {
    const decode = (stream: number, streamCount: number): unknown =>
      decodeHello(
        Buffer.concat(helloBody({ token: Buffer.alloc(32), migrationId: 'm1', stream, streamCount })),
      );
    assert.throws(() => decode(0, maxStreams + 1), { code: 'stream-broken', message: /at most 8/ });
    assert.throws(() => decode(2, 2), { code: 'stream-broken', message: /stream 2 of 2/ });
    assert.throws(() => decode(0, 0), { code: 'stream-broken' });
  });

  it('has batches with as much content as their ranges say, within an object', () => {
    const decode = (page: number, count: number, contentBytes: number): unknown =>
      decodeBatch(Buffer.concat(rangesBody(1, [{ page, count }])), contentBytes);
    assert.throws(() => decode(0, 2, 4096), { code: 'stream-broken', message: /2 pages with 4096 bytes/ });
    assert.throws(() => decode(0, 20_000, 20_000 * 4096), { code: 'stream-broken' });
    assert.throws(() => decode(maxObjectPages, 1, 4096), { message: /beyond/ });
  });

  it('bounds zero pages as it bounds others, and has room for every second page of a SEND', () => {
    const every = Array.from({ length: maxPagesPerSend / 2 }, (_, index) => ({ page: index * 2, count: 1 }));
    const message = encodeMessage('zero', 3, rangesBody(7, every));
    const { bodyBytes } = decodeHeader(message);
    assert.equal(bodyBytes, message.length - streamHeaderBytes);
    assert.deepEqual(decodeRanges(message.subarray(streamHeaderBytes)), {
      object: 7,
      ranges: every,
      pageCount: every.length,
    });
    const decode = (page: number, count: number): unknown =>
      decodeRanges(Buffer.concat(rangesBody(1, [{ page, count }])));
    assert.throws(() => decode(0, maxPagesPerSend + 1), { code: 'stream-broken' });
    assert.throws(() => decode(maxObjectPages - 1, 2), { message: /beyond/ });
    assert.throws(() => decode(5, 0), { code: 'stream-broken', message: /0 pages from page 5/ });
  });
});
