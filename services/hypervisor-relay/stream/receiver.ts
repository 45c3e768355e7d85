/**
 * The destination's end of a stream: from the network into the landing files. Runs in a worker thread of its own
 * and blocks.
 *
 *     accept ──HELLO with the token──▶ landing ──END──▶ sealed
 *
 * A connection without the right token is turned away and the wait goes on, until the time is up: a stranger cannot
 * take the place of the migration's stream. Each message is acknowledged after its content is in its file.
 *
 * Invariants: exactly one stream is admitted; names and page numbers are checked before anything is opened or
 * written; the first thing that is wrong ends the stream with REFUSED. Half a message is never acknowledged.
 */
import { timingSafeEqual } from 'node:crypto';
import { closeSync } from 'node:fs';

import { asPortkeyError, PortkeyError } from '../../../libraries/errors/index.js';
import { errorNumbers, type WireErrorCode } from '../../../libraries/hypercall/index.js';
import { acceptTcp, setReceiveTimeout, shutdownSocket } from '../../../libraries/libc/index.js';
import type { Clock } from '../../../libraries/process/index.js';
import { PAGE_BYTES } from '../../../libraries/units/index.js';
import { Counters } from './counters.js';
import { LandingFiles } from './landing-files.js';
import { MessageSocket, type ReceivedMessage } from './message-socket.js';
import {
  decodeBatch,
  decodeClose,
  decodeFile,
  decodeHello,
  decodeObject,
  encodeMessage,
  landedBody,
  refusedBody,
} from './protocol.js';
import type { ReceiverEvent, ReceiverStart } from './receiver-messages.js';

/** From OpenLanding until the source's relay has connected. */
const acceptTimeoutMs = 60_000;
const helloTimeoutMs = 5_000;

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
    const socket = this.admit();
    this.parts.report({ type: 'accepted', fd: socket.fd });
    const files = new LandingFiles(this.start.folder, socket.fd);
    try {
      this.land(socket, files);
    } catch (error) {
      refuse(socket, error);
      throw error;
    } finally {
      files.close();
    }
    this.parts.report({ type: 'sealed' });
  }

  private admit(): MessageSocket {
    const untilMs = this.parts.clock.monotonicMs() + acceptTimeoutMs;
    for (;;) {
      const leftMs = untilMs - this.parts.clock.monotonicMs();
      if (leftMs <= 0) throw new PortkeyError('stream-broken', 'no stream came to the landing in time');
      const fd = acceptTcp(this.start.listenerFd, Math.ceil(leftMs));
      const socket = new MessageSocket(fd);
      try {
        this.greet(socket);
        return socket;
      } catch (error) {
        refuse(socket, error);
        closeSync(fd);
      }
    }
  }

  private greet(socket: MessageSocket): void {
    setReceiveTimeout(socket.fd, helloTimeoutMs);
    const message = socket.receive();
    if (message?.type !== 'hello') throw new PortkeyError('stream-broken', 'a stream begins with HELLO');
    const { token, migrationId } = decodeHello(message.body);
    if (!timingSafeEqual(token, this.start.token) || migrationId !== this.start.migrationId) {
      throw new PortkeyError('session-unknown', 'the token does not admit to this landing');
    }
    setReceiveTimeout(socket.fd, 0);
    socket.send(encodeMessage('welcome', message.sequence));
  }

  private land(socket: MessageSocket, files: LandingFiles): void {
    for (;;) {
      const message = socket.receive();
      if (message === undefined)
        throw new PortkeyError('stream-broken', 'the source closed the stream before its end');
      const bytes = this.landMessage(message, files);
      this.counters.add('bytes', bytes);
      socket.send(encodeMessage('landed', message.sequence, landedBody(bytes)));
      if (message.type === 'end') return;
    }
  }

  /** Returns the bytes of content that are in their files now. */
  private landMessage(message: ReceivedMessage, files: LandingFiles): number {
    const { type, body, contentBytes } = message;
    if (type === 'batch') {
      const { object, ranges } = decodeBatch(body, contentBytes);
      for (const { page, count } of ranges) files.landPages(object, page * PAGE_BYTES, count * PAGE_BYTES);
      this.counters.add('pages', contentBytes / PAGE_BYTES);
    } else if (type === 'file') {
      files.landFile(decodeFile(body).name, contentBytes);
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

/** Says why, as well as it can: the peer may be gone. */
function refuse(socket: MessageSocket, thrown: unknown): void {
  const { code, message } = asPortkeyError(thrown);
  try {
    socket.send(encodeMessage('refused', 0, refusedBody(isWireCode(code) ? code : 'internal', message)));
  } catch {
    // It is gone, and knows.
  }
  shutdownSocket(socket.fd);
}

function isWireCode(code: string): code is WireErrorCode {
  return Object.hasOwn(errorNumbers, code);
}
