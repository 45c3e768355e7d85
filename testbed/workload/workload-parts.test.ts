import assert from 'node:assert/strict';

import fc from 'fast-check';

import { Ledger } from './ledger.js';
import { Pacer } from './pacer.js';
import { encodeCommand, ReplyParser, type Reply } from './resp.js';
import { claimedVersion, VALUE_BYTES, valueOf } from './values.js';

describe('values', () => {
  it('differ in their content for every key and version', () => {
    const bodies = new Set<string>();
    for (let key = 0; key < 50; key += 1)
      for (let version = 1; version < 20; version += 1)
        bodies.add(valueOf(key, version).toString('latin1', 8));
    assert.equal(bodies.size, 50 * 19);
  });

  it('say their version, and for their own key only', () => {
    assert.equal(valueOf(7, 3).length, VALUE_BYTES);
    assert.equal(claimedVersion(7, valueOf(7, 3)), 3);
    assert.equal(claimedVersion(8, valueOf(7, 3)), undefined);
    assert.equal(claimedVersion(7, Buffer.from('short')), undefined);
  });
});

describe('the ledger', () => {
  const written = (versions: number, acknowledged: number): Ledger => {
    const ledger = new Ledger(4);
    for (let count = 0; count < versions; count += 1) {
      const version = ledger.beginWrite(1);
      if (version <= acknowledged) ledger.acknowledge(1, version);
    }
    return ledger;
  };

  it('accepts exactly the versions from the last acknowledged to the last sent', () => {
    fc.assert(
      fc.property(fc.nat(20), fc.nat(20), fc.integer({ min: 1, max: 25 }), (sent, behind, held) => {
        const acknowledged = Math.max(0, sent - behind);
        const judgement = written(sent, acknowledged).judge(1, valueOf(1, held));
        assert.equal(judgement, held > sent ? 'corrupt' : held < acknowledged ? 'lost' : 'intact');
      }),
    );
  });

  it('takes a missing key as lost only if a write of it was acknowledged', () => {
    assert.equal(written(1, 0).judge(1, null), 'intact');
    assert.equal(written(1, 1).judge(1, null), 'lost');
  });

  it('finds one flipped bit anywhere', () => {
    fc.assert(
      fc.property(fc.nat(VALUE_BYTES - 1), fc.nat(7), (offset, bit) => {
        const value = valueOf(1, 1);
        value.writeUInt8(value.readUInt8(offset) ^ (1 << bit), offset);
        assert.equal(written(1, 1).judge(1, value), 'corrupt');
      }),
    );
  });
});

describe('the pacer', () => {
  it('gives the rate over time, however the ticks fall', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 20 }), (ticks) => {
        const pacer = new Pacer(1000, 0);
        let now = 0;
        let taken = 0;
        for (const tick of ticks) taken += pacer.take((now += tick), Infinity);
        assert.ok(Math.abs(taken - now) <= 1, `${taken} writes in ${now} ms`);
      }),
    );
  });

  it('does not make up for a stall', () => {
    const pacer = new Pacer(1000, 0);
    assert.equal(pacer.take(60_000, Infinity), 100);
  });

  it('gives nothing at rate 0', () => {
    assert.equal(new Pacer(0, 0).take(60_000, Infinity), 0);
  });
});

describe('RESP', () => {
  const replies = fc.array(
    fc.oneof(
      fc.constant<Reply>({ kind: 'status', text: 'OK' }),
      fc.constant<Reply>({ kind: 'error', text: 'ERR no' }),
      fc.nat().map((value): Reply => ({ kind: 'integer', value })),
      fc.uint8Array().map((bytes): Reply => ({ kind: 'bulk', value: Buffer.from(bytes) })),
      fc.constant<Reply>({ kind: 'bulk', value: null }),
    ),
  );

  it('reads replies whatever pieces they come in', () => {
    fc.assert(
      fc.property(replies, fc.integer({ min: 1, max: 30 }), (sent, pieceBytes) => {
        const stream = Buffer.concat(sent.map(encodeReply));
        const parser = new ReplyParser();
        const received: Reply[] = [];
        for (let offset = 0; offset < stream.length; offset += pieceBytes)
          received.push(...parser.push(stream.subarray(offset, offset + pieceBytes)));
        assert.deepEqual(received, sent);
      }),
    );
  });

  it('refuses what is no reply', () => {
    for (const text of ['*1\r\n', '$x\r\n', ':\r\n', 'HTTP/1.1 200\r\n'])
      assert.throws(() => new ReplyParser().push(Buffer.from(text)), { code: 'stream-broken' });
  });

  it('writes commands as arrays of bulk strings', () => {
    assert.equal(
      encodeCommand(['SET', 'k', Buffer.from('v')]).toString(),
      '*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n',
    );
  });
});

function encodeReply(reply: Reply): Buffer {
  switch (reply.kind) {
    case 'status':
      return Buffer.from(`+${reply.text}\r\n`);
    case 'error':
      return Buffer.from(`-${reply.text}\r\n`);
    case 'integer':
      return Buffer.from(`:${reply.value}\r\n`);
    case 'bulk':
      if (reply.value === null) return Buffer.from('$-1\r\n');
      return Buffer.concat([Buffer.from(`$${reply.value.length}\r\n`), reply.value, Buffer.from('\r\n')]);
  }
}
