/**
 * The destination's end of a stream whose pages go into frames that the guest has granted, as receiver.ts is for files.
 *
 * The same admission and the same messages from the same sender. Only what the experiment needs is here: one object,
 * pages with content. Anything else ends the stream, and so does a page that was not granted.
 */
import { closeSync } from 'node:fs';

import { PortkeyError } from '../../../libraries/errors/index.js';
import { Admission, type AdmissionParts } from '../stream/admission.js';
import { decodeBatch, landedBody } from '../stream/bodies.js';
import type { MessageSocket, ReceivedMessage } from '../stream/message-socket.js';
import { encodeMessage } from '../stream/protocol.js';
import type { FrameContent } from './frame-content.js';

/** Returns at the stream's end. `firstPage` of the object is the grant's first. Throws `stream-broken`, `bad-run`. */
export function receiveIntoFrames(parts: AdmissionParts, firstPage: number, content: FrameContent): void {
  const { first: socket } = new Admission(parts).admit();
  try {
    for (let ended = false; !ended;) {
      const { type, sequence, contentBytes, body } = next(socket);
      if (type === 'batch') land(body, contentBytes, socket.fd, firstPage, content);
      else if (contentBytes > 0 || !['object', 'close', 'end'].includes(type))
        throw new PortkeyError('stream-broken', `the sender sent ${type}, which has no place in a grant`);
      socket.send(encodeMessage('landed', sequence, landedBody(contentBytes)));
      ended = type === 'end';
    }
  } catch (error) {
    socket.refuse(error);
    throw error;
  } finally {
    closeSync(socket.fd);
  }
}

function next(socket: MessageSocket): ReceivedMessage {
  const message = socket.receive();
  if (message === undefined)
    throw new PortkeyError('stream-broken', 'the source closed the stream before its end');
  return message;
}

function land(
  body: Buffer,
  contentBytes: number,
  socketFd: number,
  firstPage: number,
  content: FrameContent,
): void {
  const { ranges } = decodeBatch(body, contentBytes);
  for (const { page, count } of ranges) content.into(socketFd, page - firstPage, count);
}
