/**
 * The experiment's half in the guest: its program, and the file systems that it grants pages of.
 *
 *     started ──ask, as often as wanted──▶ closed: program ended, file systems unmounted
 *
 * Closing works also after the signal has fired; a guest that does not answer keeps what it has until the test bed is down.
 */
import { PassThrough, Writable } from 'node:stream';
import { createInterface } from 'node:readline';

import { asPortkeyError, PortkeyError } from '../../../libraries/errors/index.js';
import { abortable } from '../../../libraries/process/index.js';
import { execInGuest, type GuestPlace } from '../../exec.js';
import { guestAnswer, type GuestAnswer, type GuestRequest } from './guest-messages.js';
import { pageKinds, type PageKind } from './ways.js';

const program = '/opt/portkey/landing-guest.cjs';
const mounts = '/run/portkey/granted-pages';
/** A GiB takes an emulated guest some seconds. */
const answerTimeoutMs = 120_000;
const shellTimeoutMs = 30_000;
const hugeOption: Record<PageKind, string> = { huge: 'always', small: 'never' };

export class GuestHalf implements AsyncDisposable {
  private readonly input = new PassThrough();
  private readonly answers: AsyncIterator<string, undefined>;
  private readonly ended: Promise<void>;
  private complaint = '';

  private constructor(
    private readonly vm: GuestPlace,
    private readonly signal: AbortSignal,
  ) {
    const output = new PassThrough();
    const errors = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        this.complaint += chunk.toString();
        done();
      },
    });
    this.answers = createInterface({ input: output })[Symbol.asyncIterator]();
    this.ended = execInGuest(vm, ['node', program], {
      stdin: this.input,
      stdout: output,
      stderr: errors,
      signal,
    })
      .then(
        () => undefined,
        (error: unknown) => {
          this.complaint += asPortkeyError(error).message;
        },
      )
      .finally(() => output.end());
  }

  static async start(vm: GuestPlace, signal: AbortSignal): Promise<GuestHalf> {
    await unmount(vm);
    const commands = pageKinds.map(
      (kind) =>
        `mkdir -p ${folderOf(kind)} && mount -t tmpfs -o size=100%,huge=${hugeOption[kind]} granted ${folderOf(kind)}`,
    );
    await shell(vm, commands.join(' && '), signal);
    return new GuestHalf(vm, signal);
  }

  /** Where the guest's tmpfs with such pages is. */
  folder(kind: PageKind): string {
    return folderOf(kind);
  }

  /** Throws `command-failed` with what the guest says, `deadline-exceeded`, or the signal's reason. */
  async ask(request: GuestRequest): Promise<GuestAnswer> {
    this.input.write(`${JSON.stringify(request)}\n`);
    const late = AbortSignal.timeout(answerTimeoutMs);
    const next = await abortable(this.answers.next(), AbortSignal.any([this.signal, late])).catch(
      (error: unknown) => {
        this.signal.throwIfAborted();
        if (!late.aborted) throw error;
        throw new PortkeyError(
          'deadline-exceeded',
          `${this.vm.name} did not answer '${request.do}' within ${answerTimeoutMs / 1000} s`,
        );
      },
    );
    const answer =
      next.done === true ? { error: await this.lastWords() } : guestAnswer.parse(JSON.parse(next.value));
    if ('error' in answer)
      throw new PortkeyError('command-failed', `${this.vm.name} cannot '${request.do}': ${answer.error}`);
    return answer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.input.end();
    await this.ended;
    await unmount(this.vm);
  }

  private async lastWords(): Promise<string> {
    await this.ended;
    const [line = ''] = this.complaint.trim().split('\n').slice(-1);
    return `its program ${program} has ended: ${line}; if the test bed is older than this build, take it down and up again`;
  }
}

function folderOf(kind: PageKind): string {
  return `${mounts}/${kind}`;
}

/** Also what an experiment that was killed has left; nothing to unmount is fine. */
async function unmount(vm: GuestPlace): Promise<void> {
  const each = pageKinds.map((kind) => `umount -l ${folderOf(kind)} 2>/dev/null`);
  await shell(vm, [...each, `rm -rf ${mounts}`].join('; '));
}

async function shell(vm: GuestPlace, script: string, signal?: AbortSignal): Promise<void> {
  let complaint = '';
  const output = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      complaint += chunk.toString();
      done();
    },
  });
  const options = { stdout: output, stderr: output, deadlineMs: shellTimeoutMs, ...(signal && { signal }) };
  const exitCode = await execInGuest(vm, ['sh', '-c', script], options);
  if (exitCode !== 0)
    throw new PortkeyError(
      'command-failed',
      `${vm.name}: '${script}' ended with ${exitCode}: ${complaint.trim()}`,
    );
}
