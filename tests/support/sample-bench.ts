/**
 * A made-up run of the experiment, for tests of the command line and for looking at its page. Never part of a real
 * report.
 */
import { benchFile, type BenchFile } from '../../cli/bench/bench-file.js';
import type { BenchMigration } from '../../cli/bench/bench-migration.js';
import { planOf, type Cell, type PlannedMigration } from '../../cli/bench/plan.js';
import type { WholeVmMigration } from '../../cli/bench/whole-vm.js';
import type { CpuReport } from '../../cli/report/migration-report.js';
import { sampleMigration, sampleReport } from './sample-report.js';

const pageBytes = 4096;
const gibibyte = 2 ** 30;

/** One of a cell; `wobble` stretches its figures, as runs differ. */
export function sampleBenchMigration(
  cell: Cell,
  { mode, repetition, warmUp }: PlannedMigration,
  wobble = 1,
): BenchMigration {
  const portkey = mode === 'portkey';
  const gib = (cell.memoryBytes / gibibyte) * 1.08;
  const first = Math.round((gib * gibibyte) / pageBytes);
  const second = Math.round((cell.writeBytesPerSecond / pageBytes) * gib * (portkey ? 2 : 7));
  const pages = [first, second, Math.round(second / 5), Math.round(second / 25)].slice(
    0,
    second === 0 ? 2 : 4,
  );
  const pagesSent = pages.reduce((sum, count) => sum + count, 0);
  const sent = (pagesSent * pageBytes) / gibibyte;
  const final = (portkey ? 1.1 : 1.4 + gib / 4) + second / 20_000;
  const precopy = portkey ? 0.8 + sent / 1.2 : 1.6 + sent * 4;
  const scaled = (cpu: CpuReport): CpuReport => stretch(cpu, wobble);
  const cpuSeconds = portkey
    ? {
        source: scaled(sampleCpu(0.5 + sent * 0.5, 0.9, 0.1, { relay: sent * 0.36, vhost: 0 })),
        destination: scaled(sampleCpu(sent * 0.6, 0.1, 1.4 + gib, { relay: sent * 0.48, vhost: 0 })),
      }
    : {
        source: scaled(sampleCpu(1 + sent * 3, 1.6, 0.1, { relay: 0, vhost: sent * 0.3 })),
        destination: scaled(sampleCpu(0.6 + sent * 4, 1, 1.4 + gib, { relay: 0, vhost: sent * 0.3 })),
      };
  return {
    ...sampleMigration(mode),
    id: `sample-${mode}-${repetition}`,
    requestedMode: mode,
    repetition,
    warmUp,
    workload: { name: 'redis', ...cell },
    totalSeconds: (precopy + final + 2 + gib) * wobble,
    downtimeSeconds: (final + 2 + gib) * wobble,
    clientPauseSeconds: (final + 2.3 + gib) * wobble,
    rounds: pages.map((count, index) => ({
      index,
      pages: count,
      bytes: count * pageBytes,
      seconds: count / 60_000,
      dirtyPagesAfter: pages[index + 1] ?? 0,
      hypercalls: portkey ? 4 + Math.ceil(count / 9_000) : 0,
      agentCpuSeconds: {
        scan: cpuSeconds.source.byComponent.vm / 8 / pages.length,
        hypercalls: portkey ? cpuSeconds.source.byComponent.vm / 16 / pages.length : 0,
      },
      last: index === pages.length - 1,
    })),
    pagesSent,
    bytesSent: pagesSent * pageBytes,
    zeroPages: portkey ? 0 : null,
    landed: portkey ? { pages: pagesSent, bytes: pagesSent * pageBytes } : null,
    hypercalls: portkey ? pages.length * 4 + Math.ceil(pagesSent / 9_000) : 0,
    cpuSeconds,
    guestCpuSeconds: {
      source: sampleGuest(cpuSeconds.source, ['round', 'dump']),
      destination: sampleGuest(cpuSeconds.destination, ['prepare', 'restore']),
    },
  };
}

export function sampleBench(options: { readonly bars: boolean } = { bars: true }): BenchFile {
  const mib = 2 ** 20;
  const plan = planOf({
    sizes: [64 * mib, 256 * mib, gibibyte],
    writeRates: [0, 5 * mib, 10 * mib],
    modes: ['criu', 'portkey'],
    warmUp: 1,
    repeat: 3,
    floor: true,
    wholeVm: true,
  });
  const migrations = plan.cells.flatMap((cell) =>
    plan.migrations.map((planned) => sampleBenchMigration(cell, planned, wobbleOf(planned))),
  );
  const floor = [64 * mib, 256 * mib, gibibyte].flatMap((bytes) =>
    [1, 1.05, 0.97].map((wobble) => ({
      bytes,
      sourceCpuSeconds: (bytes / gibibyte) * 0.31 * wobble,
      destinationCpuSeconds: (bytes / gibibyte) * 0.42 * wobble,
      seconds: (bytes / gibibyte) * 0.9 * wobble,
    })),
  );
  const wholeVm = plan.cells.flatMap((cell) =>
    [1, 0.96, 1.05].map((wobble, index) => sampleWholeVm(cell, index + 1, wobble)),
  );
  return benchFile(sampleReport().testbed, { migrations, floor, wholeVm }, options);
}

/** All of a VM of 4 GiB, of which the container is a part. */
export function sampleWholeVm(cell: Cell, repetition: number, wobble = 1): WholeVmMigration {
  const used = cell.memoryBytes / gibibyte + 0.4;
  const seconds = (used * 1.4 + cell.writeBytesPerSecond / 2 ** 26) * wobble;
  return {
    ...cell,
    vmMemoryBytes: 4 * gibibyte,
    repetition,
    verified: true,
    connectionKept: true,
    clientPauseSeconds: 0.31 * wobble,
    totalSeconds: seconds,
    downtimeSeconds: 0.25 * wobble,
    setupSeconds: 0.02,
    bytesSent: Math.round(used * gibibyte),
    rounds: 3,
    cpuSeconds: {
      source: { total: used * 1.1 * wobble, idle: seconds / 10 },
      destination: { total: used * 0.8 * wobble, idle: 0 },
    },
  };
}

function wobbleOf({ mode, repetition }: PlannedMigration): number {
  return 0.94 + repetition * (mode === 'criu' ? 0.03 : 0.05);
}

function sampleCpu(
  precopy: number,
  final: number,
  restore: number,
  { relay, vhost }: { readonly relay: number; readonly vhost: number },
): CpuReport {
  const total = precopy + final + restore;
  const virtiofsd = relay / 8;
  return {
    total,
    transfer: precopy + final,
    byPhase: { precopy, final, restore },
    byComponent: { vm: total - relay - virtiofsd - vhost, relay, virtiofsd, vhost },
    idle: 0.4,
  };
}

/** A part of what the VM used: the agent in the first step, the programs in the other. */
function sampleGuest(
  { byComponent: { vm } }: CpuReport,
  [first, second]: readonly [string, string],
): BenchMigration['guestCpuSeconds']['source'] {
  const both = { agent: vm / 4, programs: vm / 2 };
  const byStep = { [first]: { ...both, programs: 0 }, [second]: { ...both, agent: 0 } };
  return { ...both, byStep };
}

function stretch(cpu: CpuReport, factor: number): CpuReport {
  const { precopy, final, restore } = cpu.byPhase;
  const { vm, relay, virtiofsd, vhost } = cpu.byComponent;
  return {
    ...cpu,
    total: cpu.total * factor,
    transfer: cpu.transfer * factor,
    byPhase: { precopy: precopy * factor, final: final * factor, restore: restore * factor },
    byComponent: {
      vm: vm * factor,
      relay: relay * factor,
      virtiofsd: virtiofsd * factor,
      vhost: vhost * factor,
    },
  };
}
