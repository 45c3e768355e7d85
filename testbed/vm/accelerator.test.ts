import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

import type { CommandResult } from '../../libraries/process/index.js';
import type { GuestImage } from '../image/store.js';
import { chooseAccelerator, type AcceleratorChoice, type ProbeHost } from './accelerator.js';
import type { Accelerator } from './qemu-command.js';

describe('the accelerator', () => {
  const image: GuestImage = {
    ...{ rootfs: '/rootfs.ext4', kernel: '/vmlinuz', initrd: '/initrd' },
    manifest: { kernel: '6.12', packages: {} },
  };
  const boots: CommandResult = { exitCode: 0, stdout: 'portkey: kernel up\n', stderr: '' };
  const hangs: CommandResult = { exitCode: 128, stdout: '', stderr: '\nkilled by SIGKILL' };
  const fails: CommandResult = { exitCode: 1, stdout: '', stderr: 'qemu: cannot set up guest memory\n' };
  const idle: ProbeHost = { canOpenKvm: () => Promise.resolve(true), isBusy: () => false };
  let cache = '';
  let probes = 0;
  let reports: string[] = [];

  beforeEach(async () => {
    cache = await mkdtemp(path.join(os.tmpdir(), 'portkey-accelerator-'));
    probes = 0;
    reports = [];
  });
  afterEach(() => rm(cache, { recursive: true }));

  const choose = (
    choice: AcceleratorChoice,
    result: CommandResult,
    host: Partial<ProbeHost> = {},
  ): Promise<Accelerator> => {
    let nowMs = 0;
    const run = (): Promise<CommandResult> => {
      probes += 1;
      nowMs += result === hangs ? 8_000 : 1_000;
      return Promise.resolve(result);
    };
    const clock = {
      monotonicMs: () => nowMs,
      wallTime: () => new Date(),
      sleep: () => Promise.resolve(),
    };
    const report = (line: string): void => void reports.push(line);
    return chooseAccelerator(choice, image, cache, { run, clock, report }, { ...idle, ...host });
  };
  const remembers = (): boolean => existsSync(path.join(cache, 'accelerator.json'));

  it('is KVM where a guest says so, asked once', async () => {
    assert.deepEqual([await choose('auto', boots), await choose('auto', hangs), probes], ['kvm', 'kvm', 1]);
  });

  it('is emulation where the guest hangs, and says where that is remembered', async () => {
    assert.deepEqual([await choose('auto', hangs), await choose('auto', boots), probes], ['tcg', 'tcg', 1]);
    for (const line of reports.slice(-2))
      assert.match(line, new RegExp(`delete ${cache}/accelerator\\.json or use --accel kvm`));
  });

  it('remembers nothing that a busy host or a failing QEMU made of it', async () => {
    assert.equal(await choose('auto', hangs, { isBusy: () => true }), 'tcg');
    assert.equal(await choose('auto', fails), 'tcg');
    assert.match(reports.at(-1) ?? '', /QEMU ended: qemu: cannot set up guest memory$/);
    assert.deepEqual([remembers(), probes], [false, 2]);
    assert.equal(await choose('auto', boots), 'kvm');
  });

  it('tries anew where KVM is asked for, whatever is remembered', async () => {
    await choose('auto', hangs);
    await assert.rejects(choose('kvm', hangs), {
      code: 'testbed-failed',
      message: /did not boot within 8 s/,
    });
    assert.equal(await choose('kvm', boots), 'kvm');
    assert.deepEqual([await choose('auto', hangs), probes], ['kvm', 3]);
  });

  it('needs no guest to know that there is no KVM', async () => {
    const host = { canOpenKvm: () => Promise.resolve(false) };
    assert.equal(await choose('auto', boots, host), 'tcg');
    await assert.rejects(choose('kvm', boots, host), { message: /\/dev\/kvm cannot be opened/ });
    assert.equal(probes, 0);
  });
});
