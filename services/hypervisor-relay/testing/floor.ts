/**
 * For measure.js: the floor, what a minimal program takes for a file's bytes by `sendfile`, `recv` and `pwrite`.
 *
 * The programs are the test bed's yardstick, started as commands: a relay knows nothing of a test bed.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface Passage {
  readonly bytes: number;
  readonly sourceSeconds: number;
  readonly destinationSeconds: number;
  readonly seconds: number;
}

const address = '127.0.0.1';

/** Over loopback, as the relays' stream here; `to` is made anew and removed. */
export async function floorOf(from: string, to: string, byteLength: number): Promise<Passage> {
  const receiver = program('floor-receiver', [address, to, String(byteLength)]);
  let sender: ReturnType<typeof program> | undefined;
  try {
    const { port } = (await receiver.line()) as { port: number };
    sender = program('floor-sender', [address, String(port), from]);
    const sent = (await sender.line()) as { cpuSeconds: number; seconds: number };
    const received = (await receiver.line()) as { cpuSeconds: number };
    return {
      bytes: byteLength,
      sourceSeconds: sent.cpuSeconds,
      destinationSeconds: received.cpuSeconds,
      seconds: sent.seconds,
    };
  } finally {
    await Promise.all([receiver.end(), sender?.end()]);
    rmSync(to, { force: true });
  }
}

function program(
  name: string,
  args: readonly string[],
): { line: () => Promise<unknown>; end: () => Promise<void> } {
  const entry = fileURLToPath(new URL(`../../../testbed/yardstick/${name}.js`, import.meta.url));
  const child: ChildProcess = spawn(process.execPath, [entry, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (child.stdout === null) throw new Error(`${name} has no output`);
  const exited = once(child, 'exit');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    line: async () => {
      const next = (await lines.next()) as IteratorResult<string, unknown>;
      if (next.done === true) throw new Error(`${name} ended before it had measured anything`);
      return JSON.parse(next.value) as unknown;
    },
    end: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
}
