/** A stream that keeps what is written to it, as text. */
import { Writable } from 'node:stream';

export interface Collector {
  readonly stream: Writable;
  text(): string;
}

export function collector(): Collector {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      chunks.push(chunk);
      done();
    },
  });
  return { stream, text: () => Buffer.concat(chunks).toString() };
}
