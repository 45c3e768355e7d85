/**
 * Exec of proto/portkey/v1/guest.proto: the first message starts the command, the others feed it, the answers are
 * its outputs and at last its end. A caller that goes away takes the command with it.
 */
import { PortkeyError } from '../../libraries/errors/index.js';
import type { CallContext, ExecInput, Handlers } from '../../libraries/rpc/index.js';
import { GuestCommand, type CommandOutput, type CommandStart } from './guest-command.js';

const defaultDirectory = '/root';

export const guestService: Handlers<'Guest'> = { Exec: exec };

async function* exec(inputs: AsyncIterable<ExecInput>, context: CallContext): AsyncGenerator<CommandOutput> {
  const iterator = inputs[Symbol.asyncIterator]();
  const first = await iterator.next();
  const command = new GuestCommand(startOf(first.done === true ? undefined : first.value));
  const kill = (): void => command.kill();
  context.signal.addEventListener('abort', kill, { once: true });
  feed(command, iterator).catch((error: unknown) => {
    // A call that broke off is handled by its signal; anything else is the caller's mistake.
    if (!context.signal.aborted && error instanceof PortkeyError) command.outputs.fail(error);
  });
  try {
    yield* command.outputs;
  } finally {
    context.signal.removeEventListener('abort', kill);
    command.kill();
  }
}

function startOf(input: ExecInput | undefined): CommandStart {
  const start = input?.start;
  if (start === undefined || start === null || start.command.length === 0)
    throw new PortkeyError('invalid-argument', 'Exec begins with a start message that has a command');
  return {
    command: start.command,
    env: start.env,
    directory: start.directory === '' ? defaultDirectory : start.directory,
  };
}

async function feed(command: GuestCommand, inputs: AsyncIterator<ExecInput>): Promise<void> {
  for (let next = await inputs.next(); next.done !== true; next = await inputs.next()) {
    const { kind, stdin, signal } = next.value;
    if (kind === 'stdin' && stdin !== undefined) await command.write(Buffer.from(stdin));
    if (kind === 'signal' && signal !== undefined) command.signal(signal);
  }
  await command.write(Buffer.alloc(0));
}
