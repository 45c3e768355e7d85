/**
 * Whether VMs run on KVM or on software emulation (TCG).
 *
 * /dev/kvm may exist and still be unable to run an ordinary kernel: it opens, creates a VM, and the guest hangs in
 * early boot. So a yes is given only by a guest: the image's own kernel is booted under KVM, and its first program
 * says so on the console and powers off. The answer is remembered by guest kernel, host kernel and CPU model.
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

const bootLimitMs = 8_000;
const answersSchema = z.record(z.string(), z.boolean());

/** Throws `testbed-failed` where KVM is asked for and cannot run the guest. */
export async function chooseAccelerator(
  choice: AcceleratorChoice,
  image: GuestImage,
  cache: string,
  tools: Tools,
): Promise<Accelerator> {
  if (choice === 'tcg') return 'tcg';
  const works = (await kvmIsThere()) && (await kvmRunsGuest(image, cache, tools));
  if (works) return 'kvm';
  if (choice === 'auto') return 'tcg';
  throw new PortkeyError('testbed-failed', 'KVM cannot run the guest on this machine; use --accel tcg');
}

function kvmIsThere(): Promise<boolean> {
  return access('/dev/kvm', constants.R_OK | constants.W_OK).then(
    () => true,
    () => false,
  );
}

async function kvmRunsGuest(image: GuestImage, cache: string, tools: Tools): Promise<boolean> {
  const file = path.join(cache, 'accelerator.json');
  const answers = await readAnswers(file);
  const key = [image.manifest.kernel, os.release(), os.version(), os.cpus()[0]?.model ?? ''].join(' / ');
  const known = answers[key];
  if (known !== undefined) return known;
  tools.report('accelerator: trying to boot the guest kernel under KVM');
  const result = await tools.run(probeCommand(image, 'kvm'), { timeoutMs: bootLimitMs });
  const works = result.stdout.includes('portkey: kernel up');
  tools.report(`accelerator: KVM ${works ? 'works' : 'cannot run the guest, using software emulation'}`);
  await mkdir(cache, { recursive: true });
  await writeFile(file, `${JSON.stringify({ ...answers, [key]: works }, null, 2)}\n`);
  return works;
}

async function readAnswers(file: string): Promise<Record<string, boolean>> {
  try {
    return answersSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch {
    return {};
  }
}
