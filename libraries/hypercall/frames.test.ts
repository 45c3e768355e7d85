import assert from 'node:assert/strict';

import fc from 'fast-check';

import { FrameReader } from './frame-reader.js';
import { FrameWriter } from './frame-writer.js';
import { headerBytes, maxFrameBytes, maxRunsPerSend } from './limits.js';
import type { Frame, Message } from './messages.js';
import { RunList } from './run-list.js';
import { anyMessage, plain } from './test-data.js';

const bye: Message = { type: 'bye' };

function encodeAll(messages: readonly Message[]): Buffer {
  const writer = new FrameWriter();
  return Buffer.concat(messages.map((message) => writer.encode(message).bytes));
}

function readAll(bytes: Buffer, reader = new FrameReader()): Frame[] {
  return [...reader.push(bytes)];
}

/** Cuts `bytes` at these places (taken modulo its length). */
function pieces(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  return places.slice(1).map((end, index) => bytes.subarray(places[index], end));
}

/** One BYE frame with some bytes of it overwritten. */
function spoiled(change: (frame: Buffer) => void): Buffer {
  const frame = encodeAll([bye]);
  change(frame);
  return frame;
}

describe('hypercall frames', () => {
  it('come out as they went in, however the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.array(anyMessage, { minLength: 1, maxLength: 8 }),
        fc.array(fc.nat(), { maxLength: 20 }),
        (messages, cuts) => {
          const reader = new FrameReader();
          const frames = pieces(encodeAll(messages), cuts).flatMap((piece) => readAll(piece, reader));
          assert.deepEqual(
            frames.map(({ message }) => plain(message)),
            messages.map(plain),
          );
          assert.deepEqual(
            frames.map(({ sequence }) => sequence),
            messages.map((_, index) => index),
          );
        },
      ),
    );
  });

  it('of arbitrary bytes are a bad frame or none, never another error', () => {
    const header = fc
      .tuple(fc.constantFrom(1, 2, 3, 4, 5, 129, 130, 131, 6, 0), fc.nat(40), fc.nat(3))
      .map(([type, length, sequence]) =>
        spoiled((frame) => {
          frame.writeUInt16LE(type, 6);
          frame.writeUInt32LE(length, 8);
          frame.writeUInt32LE(sequence, 12);
        }),
      );
    const rubbish = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(fc.array(fc.oneof(header, rubbish), { maxLength: 10 }), (parts) => {
        const reader = new FrameReader();
        try {
          for (const part of parts) readAll(part, reader);
        } catch (error) {
          assert.equal((error as { code?: unknown }).code, 'bad-frame');
        }
      }),
    );
  });

  it('survive spoiled bytes as a bad frame or as another valid frame', () => {
    fc.assert(
      fc.property(anyMessage, fc.nat(), fc.integer({ min: 1, max: 255 }), (message, place, difference) => {
        const bytes = encodeAll([message]);
        const at = place % bytes.length;
        bytes.writeUInt8(bytes.readUInt8(at) ^ difference, at);
        try {
          readAll(bytes);
        } catch (error) {
          assert.equal((error as { code?: unknown }).code, 'bad-frame');
        }
      }),
    );
  });

  it('carry as many runs as fit the frame limit, and no more', () => {
    const runs = new RunList();
    for (let index = 0; index < maxRunsPerSend; index += 1) runs.push(index * 2, 1, index);
    const { bytes } = new FrameWriter().encode({ type: 'send', object: 1, runs });
    assert.ok(bytes.length <= maxFrameBytes && bytes.length > maxFrameBytes - 16);
    const [frame] = readAll(bytes);
    assert.deepEqual(frame && plain(frame.message), plain({ type: 'send', object: 1, runs }));
    runs.push(0, 1, 0);
    assert.throws(() => new FrameWriter().encode({ type: 'send', object: 1, runs }), {
      code: 'invalid-argument',
    });
  });

  it('name what is wrong with a header', () => {
    const wrong: readonly [RegExp, (frame: Buffer) => void][] = [
      [/version 3; this side speaks 2/, (frame) => frame.writeUInt16LE(3, 4)],
      [/unknown frame type 77/, (frame) => frame.writeUInt16LE(77, 6)],
      [/BYE of 4294967295 bytes/, (frame) => frame.writeUInt32LE(0xffffffff, 8)],
      [/reserved field is 5/, (frame) => frame.writeUInt8(5, 16)],
    ];
    for (const [message, change] of wrong) {
      assert.throws(() => readAll(spoiled(change)), { code: 'bad-frame', message });
    }
  });

  it('must follow on from one another, except where a conversation starts', () => {
    const writer = new FrameWriter();
    const first = writer.encode(bye).bytes;
    writer.encode(bye);
    const third = writer.encode(bye).bytes;
    assert.throws(() => readAll(Buffer.concat([first, third])), {
      code: 'bad-frame',
      message: /BYE has sequence 2; 1 was next/,
    });
    const restart = encodeAll([{ type: 'error', code: 'internal', object: 0, text: '' }, bye]);
    assert.equal(readAll(Buffer.concat([first, restart])).length, 3);
    assert.throws(() => readAll(Buffer.concat([first, first])), { code: 'bad-frame' });
  });

  it('are found behind the tail of a torn frame, but not behind endless rubbish', () => {
    const writer = new FrameWriter();
    writer.encode(bye);
    const stale = writer.encode(bye).bytes;
    const frames = readAll(Buffer.concat([Buffer.alloc(1000, 'PKH'), stale]));
    assert.deepEqual(
      frames.map(({ sequence }) => sequence),
      [1],
    );
    assert.throws(() => readAll(Buffer.alloc(maxFrameBytes + 8)), {
      code: 'bad-frame',
      message: /no frame begins/,
    });
  });

  it('are not waited for once aligned: rubbish after a frame is bad', () => {
    const reader = new FrameReader();
    readAll(encodeAll([bye]), reader);
    assert.throws(() => readAll(Buffer.alloc(headerBytes, 'x'), reader), { code: 'bad-frame' });
  });

  it('name the field that is missing, too long or not text', () => {
    const open = encodeAll([{ type: 'open', object: 1, migrationId: 'm', name: 'n' }]);
    const short = Buffer.from(open);
    short.writeUInt32LE(open.length - headerBytes - 1, 8);
    assert.throws(() => readAll(short), { message: /OPEN: too short for object name/ });
    const long = Buffer.from(open);
    long.writeUInt16LE(500, headerBytes + 4);
    assert.throws(() => readAll(long), { message: /migration id has 500 bytes, more than 64/ });
    const binary = Buffer.from(open);
    binary.writeUInt8(0xff, open.length - 1);
    assert.throws(() => readAll(binary), { message: /object name is not text/ });
  });
});
