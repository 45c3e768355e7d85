/**
 * The state file: what a running test bed is made of, for the command line and for reports.
 *
 * It is written when `up` has finished and removed by `down`. It helps to find things; nothing that cleans up
 * relies on it, since a crash may leave none.
 */
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { z } from 'zod';

import { topologyOf, type Topology } from './topology.js';

const stateSchema = z.object({
  version: z.literal(1),
  startedAt: z.string(),
  /** gRPC address of the first controller, good in any network namespace. */
  controller: z.string(),
  /** How many controllers there are. */
  controllerCount: z.number().int().default(1),
  vms: z.array(z.object({ name: z.string(), host: z.string(), address: z.string() })),
  processes: z.array(z.object({ name: z.string(), pid: z.number().int() })),
  accel: z.enum(['kvm', 'tcg']),
  /** Whether the host's kernel serves the VMs' network, or QEMU; null in files from before it was written down. */
  vhostNet: z.boolean().nullable().default(null),
  kernel: z.string(),
  criu: z.string(),
  runc: z.string(),
  qemu: z.string(),
  cpus: z.number().int(),
  vmMemoryBytes: z.number().int(),
  link: z.string(),
  /** Connections of each migration between two relays. */
  streams: z.number().int().default(1),
});

export type TestbedState = z.infer<typeof stateSchema>;

export function stateFile(stateFolder: string): string {
  return path.join(stateFolder, 'testbed.json');
}

/** Undefined where there is none, or none that this version can read. */
export async function readState(stateFolder: string): Promise<TestbedState | undefined> {
  try {
    return stateSchema.parse(JSON.parse(await readFile(stateFile(stateFolder), 'utf8')));
  } catch {
    return undefined;
  }
}

export async function writeState(stateFolder: string, state: TestbedState): Promise<void> {
  await mkdir(stateFolder, { recursive: true });
  const file = stateFile(stateFolder);
  await writeFile(`${file}.new`, `${JSON.stringify(state, null, 2)}\n`);
  await rename(`${file}.new`, file);
}

/** Names, addresses and files of the test bed that `state` is about. */
export function topologyOfState(
  { vms, controllerCount }: Pick<TestbedState, 'vms' | 'controllerCount'>,
  runtime: string,
): Topology {
  return topologyOf(vms.length, runtime, controllerCount);
}

/** gRPC addresses of all its controllers, good in any network namespace. */
export function controllersOf(state: TestbedState, runtime: string): string[] {
  return topologyOfState(state, runtime).controllers.map(({ socket }) => `unix:${socket}`);
}

export async function removeState(stateFolder: string): Promise<void> {
  await rm(stateFile(stateFolder), { force: true });
}
