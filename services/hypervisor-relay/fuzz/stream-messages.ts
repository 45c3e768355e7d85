/** What a relay has written on a stream. */
import { decodeHeader, streamHeaderBytes, type StreamHeader } from '../stream/protocol.js';

/** All of them. Throws `stream-broken` where bytes of none are among them. */
export function messagesIn(bytes: Buffer): (StreamHeader & { readonly body: Buffer })[] {
  const messages = [];
  for (let at = 0; at < bytes.length;) {
    const header = decodeHeader(bytes.subarray(at, at + streamHeaderBytes));
    const end = at + streamHeaderBytes + header.bodyBytes;
    messages.push({ ...header, body: bytes.subarray(at + streamHeaderBytes, end) });
    at = end + header.contentBytes;
  }
  return messages;
}
