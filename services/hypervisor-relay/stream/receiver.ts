/**
 * The destination's end of a stream: from the network into the landing files. Runs in a worker thread of its own
 * and blocks.
 *
 *     (the first: all of them admitted) ──▶ landing ──END──▶ sealed
 *
 * Who may stream is for admission.ts to say. Each message is acknowledged after its content is in its file. Of a
 * migration's other streams it knows nothing.
 *
 * Invariants: messages come in sequence, none missing and none twice; names and page numbers are checked before
 * anything is opened or written; the first thing that is wrong ends the stream with REFUSED. Half a message is never
 * acknowledged.
 */
import { PortkeyError } from '../../../libraries/errors/index.js';
import type { Clock } from '../../../libraries/process/index.js';
import { PAGE_BYTES } from '../../../libraries/units/index.js';
import { Admission } from './admission.js';
import { Counters } from './counters.js';
import { LandingFiles } from './landing-files.js';
import { MessageSocket, type ReceivedMessage } from './message-socket.js';
import { decodeBatch, decodeClose, decodeFile, decodeObject, decodeRanges, landedBody } from './bodies.js';
import { openSockets } from './open-sockets.js';
import { encodeMessage } from './protocol.js';
import type { LandingPort, ReceiverEvent, ReceiverStart } from './receiver-messages.js';
import { SocketContent } from './socket-content.js';
import { WriteTurns } from './write-turns.js';

/** Objects have numbers from 1 on. */
const noObject = 0;

export interface ReceiverParts {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly report: (event: ReceiverEvent) => void;
}

export class Receiver {
  private readonly counters: Counters;

  constructor(
    private readonly start: ReceiverStart,
    private readonly parts: ReceiverParts,
  ) {
    this.counters = new Counters(start.counters);
  }

  /** Returns when the landing is sealed. Throws `stream-broken` or `no-room`. */
  run(): void {
    const { way, security } = this.start;
    const socket =
      'socket' in way ? new MessageSocket(openSockets(security).takeOver(way.socket)) : this.admit(way);
    try {
      this.landAll(socket);
    } catch (error) {
      socket.refuse(error);
      throw error;
    } finally {
      socket.bytes.free();
    }
    this.parts.report({ type: 'sealed' });
  }

  private admit(port: LandingPort): MessageSocket {
    const { first, others } = new Admission({
      ...port,
      security: this.start.security,
      clock: this.parts.clock,
      onTurnedAway: ({ code, message }) => this.parts.report({ type: 'turned-away', code, message }),
    }).admit();
    this.parts.report({
      type: 'admitted',
      own: first.fd,
      others: others.map(({ bytes }) => bytes.handOver()),
    });
    return first;
  }

  private landAll(socket: MessageSocket): void {
    const files = new LandingFiles(this.start.folder, this.start.quota);
    try {
      this.land(socket, files, new SocketContent(socket.bytes, new WriteTurns(this.start.writeTurns)));
    } finally {
      files.close();
    }
  }

  private land(socket: MessageSocket, files: LandingFiles, content: SocketContent): void {
    // HELLO was 0.
    for (let due = 1; ; due += 1) {
      const message = socket.receive();
      if (message === undefined)
        throw new PortkeyError('stream-broken', 'the source closed the stream before its end');
      if (message.sequence !== due) {
        throw new PortkeyError('stream-broken', `message ${message.sequence} came where ${due} was due`);
      }
      const bytes = this.landMessage(message, files, content);
      this.counters.add('bytes', bytes);
      socket.send(encodeMessage('landed', message.sequence, landedBody(bytes)));
      if (message.type === 'end') return;
    }
  }

  /** Returns the bytes of content that are in their files now. */
  private landMessage(message: ReceivedMessage, files: LandingFiles, content: SocketContent): number {
    const { type, body, contentBytes } = message;
    if (type === 'batch') {
      const { object, ranges } = decodeBatch(body, contentBytes);
      for (const { page, count } of ranges) {
        const offset = page * PAGE_BYTES;
        const byteLength = count * PAGE_BYTES;
        files.landPages(object, offset, byteLength, (fd) => content.into(object, fd, offset, byteLength));
      }
      this.counters.add('pages', contentBytes / PAGE_BYTES);
    } else if (type === 'file') {
      const { name } = decodeFile(body);
      files.landFile(name, contentBytes, (fd) => content.into(noObject, fd, 0, contentBytes));
    } else if (contentBytes === 0 && type === 'zero') {
      const { object, ranges, pageCount } = decodeRanges(body);
      for (const { page, count } of ranges) files.landZeroes(object, page * PAGE_BYTES, count * PAGE_BYTES);
      this.counters.add('pages', pageCount);
      this.counters.add('zeroPages', pageCount);
    } else if (contentBytes === 0 && type === 'drop') {
      const { object, ranges } = decodeRanges(body);
      for (const { page, count } of ranges) files.dropPages(object, page * PAGE_BYTES, count * PAGE_BYTES);
    } else if (contentBytes === 0 && type === 'object') {
      const { object, name } = decodeObject(body);
      files.openObject(object, name);
    } else if (contentBytes === 0 && type === 'close') {
      files.closeObject(decodeClose(body).object);
    } else if (contentBytes > 0 || type !== 'end') {
      throw new PortkeyError('stream-broken', `the other relay sent ${type} where it does not belong`);
    }
    return contentBytes;
  }
}
