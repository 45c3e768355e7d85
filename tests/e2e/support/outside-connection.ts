/**
 * One TCP connection from outside the VMs to a container, held open over migrations.
 *
 * The socket lives in a child process in the outside network namespace, which copies stdin to it and it to stdout
 * and ends with it. So as long as the child runs, it is the same connection; nothing here can reconnect.
 */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';

import { outsideNamespace } from '../../../testbed/index.js';

const bridge = `
const socket = require('node:net').connect(Number(process.argv[2]), process.argv[1]);
socket.setNoDelay(true);
socket.on('connect', () => process.stderr.write('connected'));
socket.on('error', (error) => { process.stderr.write(error.message); process.exit(1); });
socket.on('close', () => process.exit(0));
process.stdin.pipe(socket).pipe(process.stdout);
`;

export class OutsideConnection implements Disposable {
  private received = '';
  private waiting: (() => void) | undefined;
  private ended: string | undefined;

  private constructor(private readonly child: ChildProcessWithoutNullStreams) {
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors += text;
      this.waiting?.();
    });
    child.stdout.setEncoding('latin1').on('data', (text: string) => {
      this.received += text;
      this.waiting?.();
    });
    child.once('close', () => {
      this.ended = `the connection ended: ${errors}`;
      this.waiting?.();
    });
    this.isConnected = () => errors.startsWith('connected');
  }

  private readonly isConnected: () => boolean;

  /** Tries until the server listens. */
  static async open(ip: string, port: number): Promise<OutsideConnection> {
    for (let attempt = 0; ; attempt += 1) {
      const child = spawn('ip', [
        'netns',
        'exec',
        outsideNamespace,
        process.execPath,
        '-e',
        bridge,
        ip,
        String(port),
      ]);
      const connection = new OutsideConnection(child);
      while (!connection.isConnected() && connection.ended === undefined) await connection.change(10_000);
      if (connection.isConnected()) return connection;
      if (attempt === 60) throw new Error(`${ip}:${port} does not answer: ${connection.ended ?? ''}`);
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }

  get isOpen(): boolean {
    return this.ended === undefined;
  }

  /** Sends `request` and returns what came back up to and including the end that `reply` matches. */
  async ask(request: string, reply: RegExp, timeoutMs = 60_000): Promise<string> {
    if (this.received !== '') throw new Error(`not asked for: ${this.received.slice(0, 200)}`);
    this.child.stdin.write(request, 'latin1');
    const deadline = Date.now() + timeoutMs;
    while (!reply.test(this.received)) {
      if (this.ended !== undefined) throw new Error(this.ended);
      const leftMs = deadline - Date.now();
      if (leftMs <= 0) throw new Error(`no reply to ${JSON.stringify(request.slice(0, 80))} in time`);
      await this.change(leftMs);
    }
    const answer = this.received;
    this.received = '';
    return answer;
  }

  close(): void {
    this.child.kill('SIGKILL');
  }

  [Symbol.dispose](): void {
    this.close();
  }

  private async change(timeoutMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.waiting = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.waiting = undefined;
  }
}
