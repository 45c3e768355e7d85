/**
 * Made-up migrations for tests of the command line and for looking at the report page. Never part of a real report.
 */
import type { CpuReport, MigrationReport } from '../../cli/report/migration-report.js';
import type { ReportFile } from '../../cli/report/report-file.js';

function sampleCpu(
  byPhase: { precopy: number; final: number; restore: number },
  shares: [number, number, number, number],
): CpuReport {
  const total = byPhase.precopy + byPhase.final + byPhase.restore;
  const [vm, relay, virtiofsd, vhost] = shares;
  return {
    total,
    transfer: byPhase.precopy + byPhase.final,
    byPhase,
    byComponent: {
      vm: vm * total,
      relay: relay * total,
      virtiofsd: virtiofsd * total,
      vhost: vhost * total,
    },
    idle: 0.4,
  };
}

/** Of each step what the agent and its programs used. */
function sampleGuest(
  steps: Readonly<Record<string, readonly [number, number]>>,
): MigrationReport['guestCpuSeconds']['source'] {
  const entries = Object.entries(steps);
  return {
    agent: entries.reduce((sum, [, [agent]]) => sum + agent, 0),
    programs: entries.reduce((sum, [, [, programs]]) => sum + programs, 0),
    byStep: Object.fromEntries(entries.map(([step, [agent, programs]]) => [step, { agent, programs }])),
  };
}

export function sampleMigration(
  mode: 'portkey' | 'criu',
  changes: Partial<MigrationReport> = {},
): MigrationReport {
  const portkey = mode === 'portkey';
  const pages = portkey ? [66_120, 1_480, 960, 310] : [66_240, 3_150, 2_480, 1_990];
  const stepSeconds: [string, string, number][] = [
    ['preflight', 'precopy', 0.12],
    ['precopy', 'precopy', portkey ? 1.9 : 4.6],
    ['freeze', 'final', 0.11],
    ['final-round', 'final', portkey ? 0.16 : 1.3],
    ['dump', 'final', portkey ? 1.05 : 1.4],
    ['landing', 'final', 0.03],
    ['restore', 'restore', 1.9],
    ['commit', 'restore', 0.01],
    ['activate', 'restore', 0.06],
  ];
  let elapsed = 0;
  const steps = stepSeconds.map(([name, phase, seconds]) => {
    const startSeconds = elapsed;
    elapsed += seconds;
    return { name, phase, startSeconds, seconds };
  });
  const phases = ['precopy', 'final', 'restore'].map((name) => ({
    name,
    seconds: steps.reduce((sum, { phase, seconds }) => (phase === name ? sum + seconds : sum), 0),
  }));
  const pagesSent = pages.reduce((sum, count) => sum + count, 0);
  return {
    id: `sample-${mode}`,
    mode,
    container: 'web',
    from: portkey ? 'vm-b' : 'vm-a',
    to: portkey ? 'vm-a' : 'vm-b',
    outcome: 'completed',
    error: null,
    retryOf: null,
    retriedBy: null,
    workload: { name: 'redis', memoryBytes: 256 * 2 ** 20, writeBytesPerSecond: 5 * 2 ** 20 },
    verified: true,
    clientPauseSeconds: portkey ? 3.4 : 5.1,
    connectionKept: true,
    totalSeconds: elapsed,
    downtimeSeconds: elapsed - (portkey ? 2.02 : 4.72),
    rounds: pages.map((count, index) => ({
      index,
      pages: count,
      bytes: count * 4096,
      seconds: 0.2 + count / 60_000,
      dirtyPagesAfter: pages[index + 1] ?? 0,
      hypercalls: portkey ? 4 + Math.ceil(count / 512) : 0,
      last: index === pages.length - 1,
    })),
    pagesSent,
    zeroPages: portkey ? 1_200 : null,
    bytesSent: pagesSent * 4096,
    landed: portkey ? { pages: pagesSent, bytes: (pagesSent - 1_200) * 4096 } : null,
    pageDigest: null,
    hypercalls: portkey ? 151 : 0,
    phases,
    steps,
    cpuSeconds: {
      source: portkey
        ? sampleCpu({ precopy: 0.95, final: 1.05, restore: 0.2 }, [0.78, 0.22, 0, 0])
        : sampleCpu({ precopy: 4.1, final: 2.3, restore: 0.2 }, [0.9, 0, 0, 0.1]),
      destination: portkey
        ? sampleCpu({ precopy: 0.3, final: 0.15, restore: 1.95 }, [0.78, 0.18, 0.04, 0])
        : sampleCpu({ precopy: 2.6, final: 1.1, restore: 1.9 }, [0.9, 0, 0, 0.1]),
    },
    guestCpuSeconds: {
      source: sampleGuest({
        begin: [0.02, 0],
        round: portkey ? [0.4, 0] : [0.1, 2.9],
        ...(portkey ? { 'last-round': [0.08, 0] as const } : {}),
        freeze: [0.02, 0],
        dump: [0.05, portkey ? 0.7 : 1.4],
        between: [0.04, 0],
      }),
      destination: sampleGuest({
        prepare: [0.06, 0.05],
        restore: [0.05, 1.1],
        activate: [0.02, 0],
        between: [0.06, portkey ? 0 : 0.2],
      }),
    },
    ...changes,
  };
}

export function sampleReport(): ReportFile {
  return {
    version: 1,
    testbed: {
      accel: 'tcg',
      vhostNet: false,
      kernel: '6.12.0-sample',
      criu: '4.1.1',
      runc: '1.1.15',
      qemu: '7.2',
      cpus: 2,
      vmMemoryBytes: 2 * 2 ** 30,
      link: '10gbit',
      streams: 1,
    },
    migrations: [sampleMigration('criu'), sampleMigration('portkey')],
  };
}
