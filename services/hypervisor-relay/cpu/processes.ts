/**
 * Which processes of the host work for one VM, and the CPU they have used.
 *
 * QEMU and virtiofsd are named by their pid files; virtiofsd's children count with it. The vhost workers of a QEMU
 * are kernel threads called vhost-PID; since Linux 6.4 they are threads of QEMU itself and count there, so
 * finding none is normal. Looking for them means a walk through /proc, so the answer is kept for a while.
 */
import { readdirSync, readFileSync } from 'node:fs';

import { processCpuSeconds } from '../../../libraries/libc/index.js';
import type { Clock } from '../../../libraries/process/index.js';
import type { CpuSeconds } from '../../../libraries/rpc/index.js';

const vhostSearchMs = 30_000;

export interface VmProcessesParts {
  readonly qemuPidFile: string;
  readonly virtiofsdPidFile: string;
  readonly clock: Pick<Clock, 'monotonicMs'>;
}

export class VmProcesses {
  private vhost:
    { readonly qemu: number; readonly pids: readonly number[]; readonly foundMs: number } | undefined;

  constructor(private readonly parts: VmProcessesParts) {}

  /** CPU seconds since each process started; undefined while there is no QEMU. */
  used(): CpuSeconds | undefined {
    const [qemu] = pidsIn(this.parts.qemuPidFile);
    const vm = qemu === undefined ? undefined : processCpuSeconds(qemu);
    if (qemu === undefined || vm === undefined) return undefined;
    const { user, system } = process.cpuUsage();
    return {
      vm,
      relay: (user + system) / 1e6,
      virtiofsd: sum(pidsIn(this.parts.virtiofsdPidFile).flatMap(withChildren)),
      vhost: sum(this.vhostPids(qemu)),
    };
  }

  /**
   * Of `vm`, what its vCPU threads used, which QEMU calls "CPU 0/KVM" where its threads have names (debug-threads=on); 0
   * where they have none.
   */
  vcpuSeconds(): number {
    const [qemu] = pidsIn(this.parts.qemuPidFile);
    if (qemu === undefined) return 0;
    const threads = entriesOf(`/proc/${qemu}/task`).map((thread) => `/proc/${qemu}/task/${thread}`);
    const ofGuest = threads.filter((thread) => /^CPU \d+\//.test(read(`${thread}/comm`)));
    return ofGuest.reduce((seconds, thread) => seconds + threadCpuSeconds(thread), 0);
  }

  private vhostPids(qemu: number): readonly number[] {
    const nowMs = this.parts.clock.monotonicMs();
    if (this.vhost?.qemu !== qemu || nowMs - this.vhost.foundMs > vhostSearchMs) {
      this.vhost = { qemu, pids: processesNamed(`vhost-${qemu}`), foundMs: nowMs };
    }
    return this.vhost.pids;
  }
}

function sum(pids: readonly number[]): number {
  return pids.reduce((seconds, pid) => seconds + (processCpuSeconds(pid) ?? 0), 0);
}

function pidsIn(file: string): number[] {
  return read(file)
    .split(/\s+/)
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && pid > 0);
}

function withChildren(pid: number): number[] {
  return [pid, ...pidsIn(`/proc/${pid}/task/${pid}/children`).flatMap(withChildren)];
}

/** The first field of schedstat is nanoseconds on a CPU (Documentation/scheduler/sched-stats.rst). */
function threadCpuSeconds(thread: string): number {
  return Number(read(`${thread}/schedstat`).split(' ')[0] ?? 0) / 1e9;
}

function processesNamed(name: string): number[] {
  return entriesOf('/proc')
    .filter((entry) => /^\d+$/.test(entry) && read(`/proc/${entry}/comm`).trim() === name)
    .map(Number);
}

/** Processes come and go: what cannot be read is empty. */
function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
