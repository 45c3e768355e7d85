/**
 * QEMU's machine protocol (docs/interop/qmp-spec): JSON lines over a unix socket, one question at a time.
 *
 * QEMU serves one connection per socket and lets others wait, so a client connects, asks and is gone: `withQmp`.
 * Events are skipped. Limits: an answer must come within the timeout and fit 4 MiB.
 */
import { connect, type Socket } from 'node:net';

import { PortkeyError } from '../errors/index.js';

const timeoutMs = 5_000;
const maxAnswerBytes = 4 * 2 ** 20;

export class QmpClient {
  private buffered = '';
  private readonly answers: { resolve: (answer: unknown) => void; reject: (error: PortkeyError) => void }[] =
    [];
  private failure: PortkeyError | undefined;

  constructor(
    private readonly socket: Socket,
    private readonly path: string,
  ) {
    socket.setEncoding('utf8');
    socket.setTimeout(timeoutMs, () => this.fail('does not answer'));
    socket.on('data', (text: string) => this.receive(text));
    socket.on('error', (error) => this.fail(error.message));
    socket.on('close', () => this.fail('was closed'));
  }

  /** Returns the answer's `return`. Throws `service-unavailable`, also where QEMU answers with an error. */
  execute(command: string, args: Record<string, unknown> = {}): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.failure !== undefined) {
        reject(this.failure);
        return;
      }
      this.answers.push({ resolve, reject });
      this.socket.write(`${JSON.stringify({ execute: command, arguments: args })}\n`);
    });
  }

  close(): void {
    this.socket.destroy();
  }

  private receive(text: string): void {
    this.buffered += text;
    if (this.buffered.length > maxAnswerBytes) this.fail('sent an endless answer');
    const lines = this.buffered.split('\n');
    this.buffered = lines.pop() ?? '';
    for (const line of lines) if (line.trim() !== '') this.handle(line);
  }

  private handle(line: string): void {
    let message: unknown;
    try {
      message = JSON.parse(line);
    } catch {
      this.fail('sent what is not JSON');
      return;
    }
    if (typeof message !== 'object' || message === null) return;
    if ('return' in message) this.answers.shift()?.resolve(message.return);
    else if ('error' in message) {
      this.answers.shift()?.reject(this.unavailable(`answered ${JSON.stringify(message.error)}`));
    }
  }

  private fail(problem: string): void {
    if (this.failure !== undefined) return;
    this.failure = this.unavailable(problem);
    this.socket.destroy();
    for (const { reject } of this.answers.splice(0)) reject(this.failure);
  }

  private unavailable(problem: string): PortkeyError {
    return new PortkeyError(
      'service-unavailable',
      `QEMU's QMP socket ${this.path} ${problem}; is the VM running?`,
    );
  }
}

/** Connects, negotiates, runs `ask` and disconnects. */
export async function withQmp<T>(path: string, ask: (qmp: QmpClient) => Promise<T>): Promise<T> {
  const client = new QmpClient(connect(path), path);
  try {
    await client.execute('qmp_capabilities');
    return await ask(client);
  } finally {
    client.close();
  }
}
