/**
 * report.json and bench.json: several migrations of one test bed.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

import type { MigrationReport } from './migration-report.js';

/** What ran the migrations; every figure of the reports holds for this machine only. */
export interface TestbedFacts {
  readonly accel: string;
  /** Whether the host's kernel serves the VMs' network, or QEMU; null where it is not known. */
  readonly vhostNet: boolean | null;
  readonly kernel: string;
  readonly criu: string;
  readonly runc: string;
  readonly qemu: string;
  readonly cpus: number;
  readonly vmMemoryBytes: number;
  readonly link: string;
  /** Connections of each migration between two relays. */
  readonly streams: number;
}

export interface ReportFile {
  readonly version: 1;
  readonly testbed: TestbedFacts;
  readonly migrations: readonly MigrationReport[];
}

/** The facts of a report, from anything that has them and more. */
export function testbedFacts(source: TestbedFacts): TestbedFacts {
  const { accel, vhostNet, kernel, criu, runc, qemu, cpus, vmMemoryBytes, link, streams } = source;
  return { accel, vhostNet, kernel, criu, runc, qemu, cpus, vmMemoryBytes, link, streams };
}

/** Writes `files` (name → content) below `folder`; returns their paths. */
export async function writeFiles(folder: string, files: Record<string, string>): Promise<string[]> {
  await mkdir(folder, { recursive: true });
  const paths: string[] = [];
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(folder, name);
    await writeFile(file, content);
    paths.push(file);
  }
  return paths;
}
