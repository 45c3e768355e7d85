/**
 * A command in a guest, from this machine: streams both ways, signals, exit code.
 *
 * The way is a unix socket of the gateway, then the guest agent's gRPC, so it works from any network namespace.
 */
import type { Readable, Writable } from 'node:stream';

import { PortkeyError } from '../libraries/errors/index.js';
import { operatorOf } from './certificates.js';
import { RpcClient, type Sent } from '../libraries/rpc/index.js';
import { Funnel } from './guest-agent/funnel.js';
import type { VmPlace } from './topology.js';

/** gRPC wants a deadline for each call; a command may take as long as a working day. */
const defaultDeadlineMs = 24 * 3600_000;

export interface ExecOptions {
  /** Undefined: the command's input is empty. */
  readonly stdin?: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly env?: Readonly<Record<string, string>>;
  readonly directory?: string;
  readonly deadlineMs?: number;
  /** Kills the command. */
  readonly signal?: AbortSignal;
  /** Calls its argument with each signal to pass on to the command; returns how to stop that. */
  readonly onSignal?: (pass: (signal: NodeJS.Signals) => void) => () => void;
}

/** What of a VM's place is needed to reach its guest agent. */
export interface GuestPlace {
  readonly name: string;
  readonly agents: Pick<VmPlace['agents'], 'guest'>;
  /** Where the operator's certificate is. */
  readonly certificates: string;
}

type Input = Sent<'Guest', 'Exec'>;

/** Resolves with the exit code (128 + number for a signal). Throws what gRPC throws, `invalid-argument`, `cancelled`. */
export async function execInGuest(
  vm: GuestPlace,
  command: readonly string[],
  options: ExecOptions,
): Promise<number> {
  const guest = new GuestConnection(vm);
  try {
    return await guest.exec(command, options);
  } finally {
    guest.close();
  }
}

/** One connection for many commands: under emulation a handshake costs a guest as much as the command. */
export class GuestConnection {
  private readonly client: RpcClient<'Guest'>;

  constructor(private readonly vm: GuestPlace) {
    this.client = new RpcClient(
      'Guest',
      `unix:${vm.agents.guest.socket}`,
      `guest agent of ${vm.name}`,
      operatorOf(vm.certificates),
      { role: 'guest', name: vm.name },
    );
  }

  /** See `execInGuest`. */
  async exec(command: readonly string[], options: ExecOptions): Promise<number> {
    const inputs = new Funnel<Input>();
    inputs.push({
      start: { command: [...command], env: options.env ?? {}, directory: options.directory ?? '' },
    });
    const { stdin } = options;
    const closeStdin = (): void => inputs.push({ stdin: Buffer.alloc(0) });
    if (stdin === undefined) closeStdin();
    else {
      inputs.pour(stdin, (chunk) => ({ stdin: chunk }));
      stdin.once('end', closeStdin);
    }
    // A reader that goes away is noticed by writeAll; the event is the same news and would end the process.
    const ignore = (): void => undefined;
    for (const stream of [options.stdout, options.stderr]) stream.on('error', ignore);
    const stopSignals = options.onSignal?.((signal) => inputs.push({ signal }));
    try {
      const call = { deadlineMs: options.deadlineMs ?? defaultDeadlineMs, signal: options.signal };
      for await (const { kind, stdout, stderr, end } of this.client.exchange('Exec', inputs, call)) {
        if (kind === 'stdout' && stdout !== undefined) await writeAll(options.stdout, stdout);
        if (kind === 'stderr' && stderr !== undefined) await writeAll(options.stderr, stderr);
        if (kind === 'end' && end) return end.exitCode;
      }
      throw new PortkeyError('internal', `${this.vm.name}: the command's end was not reported`);
    } finally {
      stopSignals?.();
      stdin?.off('end', closeStdin).pause();
      inputs.end();
      for (const stream of [options.stdout, options.stderr]) stream.off('error', ignore);
    }
  }

  close(): void {
    this.client.close();
  }
}

/** Waits while the reader lags. Throws `cancelled` where it has gone, as behind `| head`. */
async function writeAll(stream: Writable, chunk: Uint8Array | string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    stream.write(chunk, (error) => {
      if (error) reject(new PortkeyError('cancelled', `nobody reads the output any more: ${error.message}`));
      else resolve();
    });
  });
}
