/**
 * The link to another relay: messages on a TCP connection. protocol.ts has them, docs/hypercalls.md their bytes.
 *
 * Pages go out of guest RAM in vectors of up to 1024 pieces, files by their descriptor; byte-socket.ts has how. The token
 * is told nobody before the other side is known to be the destination's relay. While a rate limit makes it wait, and
 * between calls, it takes the destination's LANDEDs. A receiver that stalls stalls it in a send.
 *
 * Invariants: messages leave in sequence; a batch has landed when the destination said so, never when it was merely
 * sent, nor before it was; the last message of a batch stands for all of it. The connection's end, or its shutdown by the main thread,
 * ends every wait; one that was shut down before it was there carries nothing. Where the destination said why it
 * ended, that is the error. At most `maxUnlanded` messages are without their answer, so that neither they nor the answers,
 * which nobody reads while this side writes, grow with what the connection's buffers hold.
 */
import { PortkeyError } from '../../../libraries/errors/index.js';
import type { RunList } from '../../../libraries/hypercall/index.js';
import { connectTcp } from '../../../libraries/libc/index.js';
import { PAGE_BYTES } from '../../../libraries/units/index.js';
import { rangesOf, type MappedRam, type PageRange } from '../ram/zero-pages.js';
import type { Batch, Link, LinkParts } from './link.js';
import { MessageSocket } from './message-socket.js';
import { openSockets } from './open-sockets.js';
import { PageWriter } from './page-writer.js';
import {
  closeBody,
  decodeLanded,
  decodeRefused,
  fileBody,
  helloBody,
  objectBody,
  rangesBody,
} from './bodies.js';
import { broken, encodeMessage, type StreamType } from './protocol.js';
import type { RelayDestination } from './sender-messages.js';

const connectTimeoutMs = 5_000;
const welcomeTimeoutMs = 10_000;
/** Two for each of the guest's credits, and the rest for objects and small files. */
const maxUnlanded = 1024;

interface Unlanded {
  readonly sequence: number;
  readonly batch: Batch | undefined;
}

export class SocketLink implements Link {
  private connected: MessageSocket | undefined;
  private readonly pages: PageWriter;
  private readonly unlanded: Unlanded[] = [];
  private nextSequence = 0;
  /** All messages before this one are with the network. */
  private sentUntil = 0;
  /** It said why it ended the stream, or what is wrong: nothing after that is read. */
  private hasEnded = false;

  constructor(
    private readonly destination: RelayDestination,
    private readonly wakeUpFd: number,
    ram: MappedRam,
    private readonly parts: LinkParts,
  ) {
    this.pages = new PageWriter({
      ram,
      rate: parts.rate,
      atPlaces: false,
      write: (vector) => this.socket.bytes.send(vector),
    });
  }

  connect(): void {
    const { socketFd, peer, host, security, token, ...self } = this.destination;
    connectTcp(socketFd, peer, connectTimeoutMs);
    if (this.parts.shutDown.isSet) {
      throw new PortkeyError('stream-broken', 'the stream was ended before it was connected');
    }
    const sockets = openSockets(security);
    try {
      this.connected = new MessageSocket(sockets.connected(socketFd, host, welcomeTimeoutMs));
    } finally {
      sockets.close();
    }
    const hello = helloBody({ token: Buffer.from(token), ...self });
    this.socket.send(encodeMessage('hello', this.sequence(), hello));
    this.socket.bytes.setReceiveTimeout(welcomeTimeoutMs);
    const answer = this.socket.receive();
    this.socket.bytes.setReceiveTimeout(0);
    if (answer?.type === 'refused') throw refusalIn(answer.body);
    if (answer?.type !== 'welcome') {
      throw new PortkeyError(
        'stream-broken',
        `${peer.address}:${peer.port} is not the landing of this migration`,
      );
    }
  }

  openObject(object: number, name: string): void {
    this.send('object', objectBody(object, name));
  }

  closeObject(object: number): void {
    this.send('close', closeBody(object));
  }

  sendPages(batch: Batch, content: RunList, zeroes: readonly PageRange[]): void {
    const isAllZero = content.pageCount === 0;
    if (zeroes.length > 0) {
      this.send('zero', rangesBody(batch.object, zeroes), isAllZero ? batch : undefined);
    }
    if (isAllZero) return;
    const message = this.message(
      'batch',
      rangesBody(batch.object, rangesOf(content)),
      content.pageCount * PAGE_BYTES,
      batch,
    );
    this.orRefusal(() => this.pages.write(content, message));
  }

  dropPages(batch: Batch, pages: readonly PageRange[]): void {
    this.send('drop', rangesBody(batch.object, pages), batch);
  }

  sendFile(name: string, fileFd: number, byteLength: number): void {
    const message = this.message('file', fileBody(name), byteLength);
    this.orRefusal(() => {
      this.socket.send(message);
      this.parts.rate.inPieces(byteLength, (start, length) =>
        this.socket.bytes.sendFile(fileFd, start, length),
      );
    });
  }

  end(): void {
    this.send('end', []);
    while (this.unlanded.length > 0) this.wait(-1);
  }

  /** Once everything has landed nothing more is due; after END the destination closes then, and that is no error. */
  takeAnswers(): void {
    while (this.unlanded.length > 0 && this.socket.bytes.waitReadable(this.wakeUpFd, 0)) this.takeAnswer();
  }

  wait(timeoutMs: number): void {
    if (!this.socket.bytes.waitReadable(this.wakeUpFd, timeoutMs)) return;
    this.takeAnswer();
    this.takeAnswers();
  }

  /** The descriptor is the main thread's. */
  close(): void {
    this.connected?.bytes.free();
    this.connected = undefined;
    this.unlanded.length = 0;
  }

  private get socket(): MessageSocket {
    if (this.connected === undefined)
      throw new PortkeyError('internal', 'a link is used before it is connected');
    return this.connected;
  }

  private send(type: StreamType, body: Buffer[], batch?: Batch): void {
    const message = this.message(type, body, 0, batch);
    this.parts.rate.take(message.length);
    this.orRefusal(() => this.socket.send(message));
  }

  private message(type: StreamType, body: Buffer[], contentBytes: number, batch?: Batch): Buffer {
    while (this.unlanded.length >= maxUnlanded) this.wait(-1);
    const sequence = this.sequence();
    this.unlanded.push({ sequence, batch });
    return encodeMessage(type, sequence, body, contentBytes);
  }

  private takeAnswer(): void {
    this.hasEnded = true;
    const message = this.socket.receive();
    if (message === undefined) throw new PortkeyError('stream-broken', 'the other relay closed the stream');
    if (message.type === 'refused') throw refusalIn(message.body);
    if (message.type !== 'landed') {
      throw new PortkeyError('stream-broken', `the other relay sent ${message.type} unasked`);
    }
    decodeLanded(message.body);
    if (message.sequence >= this.sentUntil) {
      throw broken(`message ${message.sequence} has landed, says the destination, but was not sent`);
    }
    this.hasEnded = false;
    while ((this.unlanded[0]?.sequence ?? Number.POSITIVE_INFINITY) <= message.sequence) {
      const { batch } = this.unlanded.shift() ?? {};
      if (batch !== undefined) this.parts.onLanded(batch);
    }
  }

  /** A destination that refuses says why before it closes; that is better news than EPIPE. */
  private orRefusal(send: () => void): void {
    try {
      send();
      this.sentUntil = this.nextSequence;
    } catch (error) {
      if (!this.hasEnded) this.takeAnswers();
      throw error;
    }
  }

  private sequence(): number {
    const sequence = this.nextSequence;
    this.nextSequence += 1;
    return sequence;
  }
}

function refusalIn(body: Buffer): PortkeyError {
  const { code, text } = decodeRefused(body);
  return new PortkeyError(code, `the destination's relay refused the stream: ${text}`);
}
