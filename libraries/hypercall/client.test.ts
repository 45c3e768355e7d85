import assert from 'node:assert/strict';

import { HypercallClient, type ByteChannel } from './client.js';
import { FrameReader } from './frame-reader.js';
import { FrameWriter } from './frame-writer.js';
import { maxObjects, nonceBytes, wholeChannel } from './limits.js';
import type { HostMessage, Message } from './messages.js';
import { RunList } from './run-list.js';

/** The host's end of a port in memory: keeps what the client wrote, answers by hand. */
class HostEnd implements ByteChannel {
  readonly received: { message: Message; sequence: number }[] = [];
  readonly writer = new FrameWriter();
  private readonly reader = new FrameReader();
  private onData: (bytes: Buffer) => void = () => undefined;
  private onEnd: (reason?: Error) => void = () => undefined;
  closed = false;

  write(bytes: Buffer): Promise<void> {
    this.received.push(...this.reader.push(bytes));
    return Promise.resolve();
  }

  listen(onData: (bytes: Buffer) => void, onEnd: (reason?: Error) => void): void {
    this.onData = onData;
    this.onEnd = onEnd;
  }

  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }

  answer(message: HostMessage): void {
    this.onData(this.writer.encode(message).bytes);
  }

  raw(bytes: Buffer): void {
    this.onData(bytes);
  }

  hangUp(): void {
    this.onEnd();
  }

  types(): string[] {
    return this.received.map(({ message }) => message.type);
  }
}

const nonce = Buffer.alloc(nonceBytes, 7);
const greeting = {
  agent: 'checkpoint',
  nonceAddress: 4096,
  nonce,
  memoryBytes: 2 ** 31,
  pageBytes: 4096,
  kernel: '6.12.0',
} as const;

function onePage(): RunList {
  const runs = new RunList();
  runs.push(5, 1, 9);
  return runs;
}

/** Lets everything that is ready run. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function ready(
  credits: number,
): Promise<{ host: HostEnd; client: HypercallClient; failures: string[] }> {
  const host = new HostEnd();
  const failures: string[] = [];
  const client = new HypercallClient(host, (error) => failures.push(error.code));
  const grant = client.hello(greeting);
  await settle();
  host.answer({ type: 'hello-ok', nonce, maxFrameBytes: 32768, credits });
  assert.deepEqual(await grant, { maxFrameBytes: 32768, credits });
  return { host, client, failures };
}

describe('HypercallClient', () => {
  it('says hello, opens, sends, closes and counts each frame as a hypercall', async () => {
    const { host, client } = await ready(2);
    const object = await client.open('m1', 'memory/pages-1.img');
    const { landed } = await client.send(object, onePage());
    host.answer({ type: 'complete', object, sequence: 2, bytes: 4096, starvedUs: 30, queueDepth: 1 });
    assert.deepEqual(await landed, { bytes: 4096, starvedUs: 30, queueDepth: 1, answered: 1 });
    await client.closeObject(object);
    assert.equal(client.hypercalls, 4);
    await client.close();
    assert.deepEqual(host.types(), ['hello', 'open', 'send', 'close', 'bye']);
    assert.ok(host.closed);
  });

  it('ignores what is left from an earlier conversation until its own HELLO is answered', async () => {
    const host = new HostEnd();
    const client = new HypercallClient(host);
    const grant = client.hello(greeting);
    await settle();
    host.raw(Buffer.from('the tail of a torn frame'));
    host.writer.encode({ type: 'hello-ok', nonce, maxFrameBytes: 1, credits: 1 });
    host.answer({ type: 'complete', object: 3, sequence: 9, bytes: 1, starvedUs: 0, queueDepth: 0 });
    host.answer({ type: 'error', code: 'stream-broken', object: wholeChannel, text: 'stale' });
    host.answer({
      type: 'hello-ok',
      nonce: Buffer.alloc(nonceBytes, 1),
      maxFrameBytes: 1,
      credits: 1,
    });
    host.writer.restart();
    host.answer({ type: 'hello-ok', nonce, maxFrameBytes: 32768, credits: 4 });
    assert.equal((await grant).credits, 4);
  });

  it('passes on the reason for which its HELLO was refused', async () => {
    const host = new HostEnd();
    const client = new HypercallClient(host);
    const grant = client.hello(greeting);
    await settle();
    host.answer({ type: 'error', code: 'nonce-mismatch', object: wholeChannel, text: 'check ramFile' });
    await assert.rejects(grant, { code: 'nonce-mismatch', message: 'check ramFile' });
    await assert.rejects(client.open('m', 'n'), { code: 'nonce-mismatch' });
  });

  it('waits for a credit, and one COMPLETE answers all SENDs of its object up to it', async () => {
    const { host, client } = await ready(2);
    const object = await client.open('m1', 'a');
    const first = await client.send(object, onePage());
    const second = await client.send(object, onePage());
    const third = client.send(object, onePage());
    await settle();
    assert.equal(host.types().filter((type) => type === 'send').length, 2);
    host.answer({ type: 'complete', object, sequence: 3, bytes: 8192, starvedUs: 5, queueDepth: 0 });
    assert.deepEqual(await first.landed, { bytes: 0, starvedUs: 0, queueDepth: 0, answered: 0 });
    assert.deepEqual(await second.landed, { bytes: 8192, starvedUs: 5, queueDepth: 0, answered: 2 });
    await third;
    assert.equal(host.types().filter((type) => type === 'send').length, 3);
  });

  it('fails one object alone, and returns its credits', async () => {
    const { host, client, failures } = await ready(1);
    const broken = await client.open('m1', 'a');
    const whole = await client.open('m2', 'b');
    const { landed } = await client.send(broken, onePage());
    const waiting = client.send(broken, onePage());
    const other = client.send(whole, onePage());
    host.answer({ type: 'error', code: 'session-unknown', object: broken, text: 'no such migration' });
    await assert.rejects(landed, { code: 'session-unknown' });
    await assert.rejects(waiting, { code: 'session-unknown' });
    await assert.rejects(client.send(broken, onePage()), { code: 'session-unknown' });
    await other;
    assert.deepEqual(failures, []);
  });

  it('has forgotten what was closed: it may not be sent for, nor does it count when it fails', async () => {
    const { host, client } = await ready(1);
    for (let object = 1; object <= 2 * maxObjects; object += 1) {
      assert.equal(await client.open('m1', 'a'), object);
      const { landed } = await client.send(object, onePage());
      await client.closeObject(object);
      host.answer({ type: 'error', code: 'stream-broken', object, text: 'the stream broke' });
      await assert.rejects(landed, { code: 'stream-broken' });
      await assert.rejects(client.send(object, onePage()), { code: 'cancelled' });
    }
  });

  it('refuses an object that the relay would close the channel for, failed ones counted, and writes nothing', async () => {
    const { host, client, failures } = await ready(1);
    const first = await client.open('m1', '1');
    for (let open = 1; open < maxObjects; open += 1) await client.open('m1', 'more');
    host.answer({ type: 'error', code: 'stream-broken', object: first, text: 'the stream broke' });
    const before = client.hypercalls;
    await assert.rejects(client.open('m2', 'one too many'), {
      code: 'no-room',
      message: /^1024 objects are/,
    });
    assert.equal(client.hypercalls, before);
    await client.closeObject(first);
    const { landed } = await client.send(await client.open('m2', 'another'), onePage());
    host.hangUp();
    await assert.rejects(landed, { code: 'channel-closed' });
    await assert.rejects(client.open('m2', 'too late'), { code: 'channel-closed' });
    assert.deepEqual(failures, ['channel-closed']);
  });

  it('fails everything when the relay is gone, once', async () => {
    const { host, client, failures } = await ready(1);
    const object = await client.open('m1', 'a');
    const { landed } = await client.send(object, onePage());
    const waiting = client.send(object, onePage());
    host.hangUp();
    host.hangUp();
    await assert.rejects(landed, { code: 'channel-closed' });
    await assert.rejects(waiting, { code: 'channel-closed' });
    assert.deepEqual(failures, ['channel-closed']);
  });

  it('does not take an answer to what it never sent, nor bytes that are no frame', async () => {
    const first = await ready(1);
    first.host.answer({ type: 'complete', object: 1, sequence: 7, bytes: 0, starvedUs: 0, queueDepth: 0 });
    assert.equal(first.client.error?.code, 'bad-frame');
    const second = await ready(1);
    second.host.raw(Buffer.alloc(100));
    assert.deepEqual(second.failures, ['bad-frame']);
  });

  it('gives a credit back when its runs do not fit a frame', async () => {
    const { client } = await ready(1);
    const object = await client.open('m1', 'a');
    await assert.rejects(client.send(object, new RunList()), { code: 'invalid-argument' });
    await client.send(object, onePage());
  });
});
