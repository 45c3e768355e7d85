/**
 * Whether VMs run on KVM or on software emulation (TCG).
 *
 * /dev/kvm may exist and still be unable to run an ordinary kernel: it opens, creates a VM, and the guest hangs in
 * early boot. So a yes is given only by a guest: the image's own kernel is booted under KVM, and its first program
 * says so on the console and powers off. The answer is remembered by guest kernel, host kernel and CPU model, if it is
 * clear: the guest spoke, or it hung until the limit while the host had CPU to spare. On a busy host a slow boot looks
 * like a hang, and a QEMU that ends at once (no memory, a device in use, a signal) says nothing about KVM and costs
 * little to ask again. Who asks for KVM by name gets a new try, whatever is remembered.
 */
import { constants } from 'node:fs';
import { access, mkdir, readFile, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

import { z } from 'zod';

import { PortkeyError } from '../../libraries/errors/index.js';
import type { GuestImage } from '../image/store.js';
import type { Tools } from '../tools.js';
import { probeCommand, type Accelerator } from './qemu-command.js';

export type AcceleratorChoice = Accelerator | 'auto';

export interface ProbeHost {
  canOpenKvm(): Promise<boolean>;
  /** More wants to run than there are CPUs. */
  isBusy(): boolean;
}

interface Answer {
  readonly works: boolean;
  readonly isClear: boolean;
  /** Why not, where it does not work. */
  readonly reason: string;
  readonly details: string;
}

const bootLimitMs = 8_000;
const answersSchema = z.record(z.string(), z.boolean());

/** Throws `testbed-failed` where KVM is asked for and cannot run the guest; `wayOut` is what it advises then. */
export async function chooseAccelerator(
  choice: AcceleratorChoice,
  image: GuestImage,
  cache: string,
  tools: Pick<Tools, 'run' | 'clock' | 'report'>,
  host: ProbeHost = thisHost,
  wayOut = 'use --accel tcg',
): Promise<Accelerator> {
  if (choice === 'tcg') return 'tcg';
  if (!(await host.canOpenKvm())) {
    if (choice === 'auto') return 'tcg';
    throw new PortkeyError('testbed-failed', `/dev/kvm cannot be opened on this machine; ${wayOut}`);
  }
  const file = path.join(cache, 'accelerator.json');
  const again = `delete ${file} or use --accel kvm to try again`;
  const answers = await readAnswers(file);
  const key = [image.manifest.kernel, os.release(), os.version(), os.cpus()[0]?.model ?? ''].join(' / ');
  const known = answers[key];
  if (choice === 'auto' && known !== undefined) {
    if (!known)
      tools.report(`accelerator: KVM could not run the guest before, so software emulation; ${again}`);
    return known ? 'kvm' : 'tcg';
  }
  tools.report('accelerator: trying to boot the guest kernel under KVM');
  const { works, isClear, reason, details } = await probe(image, tools, host);
  if (isClear) {
    await mkdir(cache, { recursive: true });
    await writeFile(file, `${JSON.stringify({ ...answers, [key]: works }, null, 2)}\n`);
  }
  if (works) {
    tools.report('accelerator: KVM works');
    return 'kvm';
  }
  if (choice === 'kvm') {
    const message = `KVM cannot run the guest on this machine (${reason}); ${wayOut}`;
    throw new PortkeyError('testbed-failed', message, { details });
  }
  const remembered = isClear ? `, which is remembered: ${again}` : '';
  tools.report(`accelerator: software emulation, since under KVM ${reason}${remembered}`);
  return 'tcg';
}

async function probe(
  image: GuestImage,
  { run, clock }: Pick<Tools, 'run' | 'clock'>,
  host: ProbeHost,
): Promise<Answer> {
  const startMs = clock.monotonicMs();
  const { stdout, stderr } = await run(probeCommand(image, 'kvm'), { timeoutMs: bootLimitMs });
  const details = `${stdout}\n${stderr}`.trim();
  if (stdout.includes('portkey: kernel up')) return { works: true, isClear: true, reason: '', details };
  if (clock.monotonicMs() - startMs >= bootLimitMs) {
    const reason = `the guest did not boot within ${bootLimitMs / 1000} s`;
    return { works: false, isClear: !host.isBusy(), reason, details };
  }
  const lastLine = stderr.trim().split('\n').at(-1) ?? '';
  const reason = lastLine === '' ? 'QEMU ended without a word' : `QEMU ended: ${lastLine}`;
  return { works: false, isClear: false, reason, details };
}

const thisHost: ProbeHost = {
  canOpenKvm: () =>
    access('/dev/kvm', constants.R_OK | constants.W_OK).then(
      () => true,
      () => false,
    ),
  isBusy: () => (os.loadavg()[0] ?? 0) > os.availableParallelism(),
};

async function readAnswers(file: string): Promise<Record<string, boolean>> {
  try {
    return answersSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch {
    return {};
  }
}
