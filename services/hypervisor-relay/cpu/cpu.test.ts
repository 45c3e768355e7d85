import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import fc from 'fast-check';

import { systemClock } from '../../../libraries/process/index.js';
import { IdleSampler } from './idle-sampler.js';
import { VmProcesses } from './processes.js';
import { QemuParts } from './qemu-parts.js';

const none = { vm: 0, relay: 0, virtiofsd: 0, vhost: 0 };

describe('IdleSampler', () => {
  it('keeps the cheapest window of two seconds, its parts together', () => {
    const sampler = new IdleSampler();
    assert.deepEqual(sampler.idlePerSecond, none);
    const vm = [0, 1, 2, 2.1, 2.2, 3, 4];
    const virtiofsd = [0, 0, 0, 0.1, 0.2, 0.2, 0.2];
    vm.forEach((seconds, at) => sampler.add(at, { ...none, vm: seconds, virtiofsd: virtiofsd[at] ?? 0 }));
    const { vm: idle, virtiofsd: beside } = sampler.idlePerSecond;
    assert.ok(Math.abs(idle - 0.1) < 1e-9 && Math.abs(beside - 0.1) < 1e-9, `${idle} ${beside}`);
  });

  it('takes nothing from a window in which a process was started anew, and starts over with the VM', () => {
    const sampler = new IdleSampler();
    for (const [at, vm] of [
      [0, 100],
      [1, 101],
      [2, 0.5],
      [3, 1],
    ] as const) {
      sampler.add(at, { ...none, vm });
    }
    assert.deepEqual(sampler.idlePerSecond, none);
    sampler.add(4, undefined);
    sampler.add(5, { ...none, vm: 1 });
    sampler.add(7, { ...none, vm: 2 });
    assert.equal(sampler.idlePerSecond.vm, 0.5);
  });
});

describe('QemuParts', () => {
  const second = fc.double({ min: 0, max: 1, noNaN: true });

  it('never fall, however far apart process and threads are read, and begin anew with QEMU', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(second, second, second), { maxLength: 50 }), (steps) => {
        const parts = new QemuParts();
        let [vm, vcpu] = [0, 0];
        let before = { vcpu: 0, vmm: 0 };
        for (const [guest, rest, late] of steps) {
          vcpu += guest;
          vm += guest + rest;
          // What the threads used after the process was read.
          const now = parts.of(vm, vcpu + late);
          assert.ok(now.vcpu >= before.vcpu && now.vmm >= before.vmm);
          assert.ok(now.vcpu <= vm && now.vmm <= vm);
          before = now;
        }
        assert.deepEqual(parts.of(0, 0), vm > 0 ? { vcpu: 0, vmm: 0 } : before);
      }),
    );
  });
});

describe('VmProcesses', () => {
  it('counts the processes of the pid files, children included, and knows when there is no VM', () => {
    const folder = mkdtempSync(join(tmpdir(), 'portkey-cpu-'));
    const child = spawn('sleep', ['60']);
    try {
      const parts = {
        qemuPidFile: join(folder, 'qemu'),
        virtiofsdPidFile: join(folder, 'virtiofsd'),
        clock: systemClock,
      };
      assert.equal(new VmProcesses(parts).used(), undefined);
      writeFileSync(parts.qemuPidFile, `${child.pid}\n`);
      writeFileSync(parts.virtiofsdPidFile, `${process.pid}\n`);
      const used = new VmProcesses(parts).used();
      assert.ok(used !== undefined && used.virtiofsd > used.vm && used.vhost === 0);
      assert.ok(used.virtiofsd >= process.cpuUsage().user / 2e6);
    } finally {
      child.kill();
      rmSync(folder, { recursive: true });
    }
  });

  it('parts what runs the guest from the rest of QEMU, by the names of its threads', () => {
    const folder = mkdtempSync(join(tmpdir(), 'portkey-cpu-'));
    // A thread of libuv's pool in the part of a vCPU: it has been at work, and this one, which is the main one, far longer.
    const thread = readdirSync('/proc/self/task').find((id) => Number(id) !== process.pid);
    const comm = `/proc/self/task/${thread}/comm`;
    const name = readFileSync(comm, 'utf8');
    try {
      const parts = {
        qemuPidFile: join(folder, 'qemu'),
        virtiofsdPidFile: join(folder, 'virtiofsd'),
        clock: systemClock,
      };
      const processes = new VmProcesses(parts);
      assert.equal(processes.vcpuSeconds(), 0);
      writeFileSync(parts.qemuPidFile, `${process.pid}\n`);
      assert.equal(processes.vcpuSeconds(), 0);
      writeFileSync(comm, 'CPU 0/TCG');
      const vcpuSeconds = processes.vcpuSeconds();
      assert.ok(vcpuSeconds > 0 && vcpuSeconds < (processes.used()?.vm ?? 0), `${vcpuSeconds} s`);
    } finally {
      writeFileSync(comm, name);
      rmSync(folder, { recursive: true });
    }
  });
});
