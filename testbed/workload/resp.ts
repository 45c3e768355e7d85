/**
 * RESP2, as much of it as one client needs: commands out, flat replies in.
 *
 * Source of the format: https://redis.io/docs/latest/develop/reference/protocol-spec/. Replies here are simple
 * strings, errors, integers and bulk strings; an array never answers a command that the workload sends, so it is
 * an error, as is anything else unknown: a client that cannot follow the stream must not guess.
 */
import { PortkeyError } from '../../libraries/errors/index.js';

export type Reply =
  | { readonly kind: 'status'; readonly text: string }
  | { readonly kind: 'error'; readonly text: string }
  | { readonly kind: 'integer'; readonly value: number }
  | { readonly kind: 'bulk'; readonly value: Buffer | null };

const lineEnd = Buffer.from('\r\n');

/** One command as an array of bulk strings. */
export function encodeCommand(parts: readonly (string | Buffer)[]): Buffer {
  const pieces: Buffer[] = [Buffer.from(`*${parts.length}\r\n`)];
  for (const part of parts) {
    const bytes = typeof part === 'string' ? Buffer.from(part) : part;
    pieces.push(Buffer.from(`$${bytes.length}\r\n`), bytes, lineEnd);
  }
  return Buffer.concat(pieces);
}

/** Takes the stream in pieces of any size and gives the replies that are complete. */
export class ReplyParser {
  private buffered: Buffer = Buffer.alloc(0);

  /** Throws `stream-broken` on bytes that are no reply; the parser is of no use afterwards. */
  push(chunk: Buffer): Reply[] {
    this.buffered = this.buffered.length === 0 ? chunk : Buffer.concat([this.buffered, chunk]);
    const replies: Reply[] = [];
    let offset = 0;
    for (;;) {
      const next = parseReply(this.buffered, offset);
      if (next === undefined) break;
      replies.push(next.reply);
      offset = next.end;
    }
    this.buffered = this.buffered.subarray(offset);
    return replies;
  }
}

function parseReply(bytes: Buffer, start: number): { reply: Reply; end: number } | undefined {
  const lineStop = bytes.indexOf(lineEnd, start);
  if (lineStop === -1) return undefined;
  const text = bytes.toString('utf8', start + 1, lineStop);
  const end = lineStop + lineEnd.length;
  switch (bytes[start]) {
    case 0x2b: // +
      return { reply: { kind: 'status', text }, end };
    case 0x2d: // -
      return { reply: { kind: 'error', text }, end };
    case 0x3a: // :
      return { reply: { kind: 'integer', value: parseNumber(text) }, end };
    case 0x24: // $
      return parseBulk(bytes, parseNumber(text), end);
    default:
      throw new PortkeyError('stream-broken', `not a reply of Redis: ${JSON.stringify(text.slice(0, 40))}`);
  }
}

function parseBulk(bytes: Buffer, length: number, start: number): { reply: Reply; end: number } | undefined {
  if (length === -1) return { reply: { kind: 'bulk', value: null }, end: start };
  const stop = start + length;
  if (bytes.length < stop + lineEnd.length) return undefined;
  return { reply: { kind: 'bulk', value: bytes.subarray(start, stop) }, end: stop + lineEnd.length };
}

function parseNumber(text: string): number {
  const value = Number(text);
  if (text === '' || !Number.isSafeInteger(value) || value < -1)
    throw new PortkeyError('stream-broken', `not a number in a reply of Redis: ${JSON.stringify(text)}`);
  return value;
}
