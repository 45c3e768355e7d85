/**
 * What a VM is made of, as far as it decides whether a process image from another VM runs here.
 *
 * Programs and CPU do not change while an agent runs, so they are read once; free memory is read at each call.
 */
import { readFile } from 'node:fs/promises';

import { PortkeyError } from '../errors/index.js';
import type { NodeInfo } from '../rpc/index.js';
import { runChecked, type RunCommand } from '../process/index.js';

/** Flags that a kernel invents or that tell of the hypervisor; no program can depend on them. */
const incidental = new Set([
  'constant_tsc',
  'tsc_known_freq',
  'cpuid',
  'cpuid_fault',
  'rep_good',
  'nopl',
  'hypervisor',
  'tsc_reliable',
  'nonstop_tsc',
]);

export type HypercallState = Pick<NodeInfo, 'hypercallChannel' | 'hypercallDetail'>;

type FixedPart = Promise<Omit<NodeInfo, keyof HypercallState | 'memoryTotalBytes' | 'memoryAvailableBytes'>>;

export class NodeInfoReader {
  private fixed: FixedPart | undefined;

  constructor(
    private readonly vm: string,
    private readonly run: RunCommand,
  ) {}

  async read(hypercalls: HypercallState): Promise<NodeInfo> {
    // First, because a failure that comes while nobody waits for it would end the agent.
    const fixed = await this.readOnce();
    const memory = await readFile('/proc/meminfo', 'utf8');
    return {
      ...fixed,
      ...hypercalls,
      memoryTotalBytes: kibibytes(memory, 'MemTotal'),
      memoryAvailableBytes: kibibytes(memory, 'MemAvailable'),
    };
  }

  /**
   * Throws `agent-unavailable` where the VM is in another boot than this; empty: any. An agent remembers which migrations have
   * ended for as long as its VM runs, so it must not take a call for one from before that.
   */
  async requireBoot(bootId: string): Promise<void> {
    const now = (await this.readOnce()).bootId;
    if (bootId === '' || bootId === now) return;
    throw new PortkeyError(
      'agent-unavailable',
      `${this.vm} was started anew since the migration began; try again`,
    );
  }

  private readOnce(): FixedPart {
    this.fixed ??= this.readFixed().catch((error: unknown) => {
      this.fixed = undefined;
      throw error;
    });
    return this.fixed;
  }

  private async readFixed() {
    // CRIU probes the kernel at its first start and keeps what it found in /run; better now than in a migration.
    const { exitCode } = await this.run(['criu', 'check', '--feature', 'mem_dirty_track']);
    const [kernel, criu, runc, cpu, bootId] = await Promise.all([
      runChecked(this.run, ['uname', '-r']),
      runChecked(this.run, ['criu', '--version']),
      runChecked(this.run, ['runc', '--version']),
      readFile('/proc/cpuinfo', 'utf8'),
      readFile('/proc/sys/kernel/random/boot_id', 'utf8'),
    ]);
    const release = kernel.trim();
    const flags = /^flags\s*:\s*(.*)$/m.exec(cpu)?.[1]?.split(' ') ?? [];
    return {
      vm: this.vm,
      kernel: release,
      criuVersion: /Version:\s*(\S+)/.exec(criu)?.[1] ?? 'unknown',
      runcVersion: /runc version\s+(\S+)/.exec(runc)?.[1] ?? 'unknown',
      cpuFeatures: flags.filter((flag) => !incidental.has(flag)).sort(),
      softDirty: exitCode === 0,
      bootId: bootId.trim(),
    };
  }
}

function kibibytes(text: string, key: string): number {
  return Number(new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0) * 1024;
}
