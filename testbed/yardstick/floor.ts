/**
 * The floor: what a minimal program takes to send a container's bytes over the hosts' network by `sendfile`.
 *
 * A file on tmpfs goes by sendfile from the source's host over the test bed's own link into a file on tmpfs at the
 * destination's host; nobody looks for pages, nothing is decided. The relays are measured against it.
 * It is no lower bound: what `sendfile` saves the sender, a receiver on the same machine pays, whose cache is cold, and
 * the relays, which copy from RAM, take less for both ends together. The programs and files are the test bed's, and
 * gone with it.
 */
import type { ChildProcess } from 'node:child_process';
import { open, rm, type FileHandle } from 'node:fs/promises';
import path from 'node:path';

import { z } from 'zod';

import { PortkeyError } from '../../libraries/errors/index.js';
import { projectFile, runtimeFolder } from '../paths.js';
import { topologyOf } from '../topology.js';
import { startOnHost, type HostProgram } from './host-program.js';

export interface Floor {
  readonly bytes: number;
  readonly sourceCpuSeconds: number;
  readonly destinationCpuSeconds: number;
  readonly seconds: number;
}

const figuresSchema = z.object({ cpuSeconds: z.number(), seconds: z.number() });
const portSchema = z.object({ port: z.number() });
const patternBytes = 2 ** 20;

/** From the first host of the test bed that is up to its second. Throws `command-failed`, or the signal's reason. */
export async function measureFloor(byteLength: number, signal: AbortSignal): Promise<Floor> {
  const [source, destination] = topologyOf(2, runtimeFolder).vms;
  if (source === undefined || destination === undefined)
    throw new PortkeyError('invalid-argument', 'the floor needs two hosts');
  const from = path.join(runtimeFolder, 'floor-source');
  const to = path.join(runtimeFolder, 'floor-destination');
  const children: ChildProcess[] = [];
  try {
    await fill(from, byteLength);
    const receiver = program('floor-receiver', destination.namespace, [destination.hostAddress, to, String(byteLength)], signal); // prettier-ignore
    children.push(receiver.child);
    const { port } = portSchema.parse(await receiver.line());
    const sender = program('floor-sender', source.namespace, [destination.hostAddress, String(port), from], signal); // prettier-ignore
    children.push(sender.child);
    const sent = figuresSchema.parse(await sender.line());
    const received = figuresSchema.parse(await receiver.line());
    return {
      bytes: byteLength,
      sourceCpuSeconds: sent.cpuSeconds,
      destinationCpuSeconds: received.cpuSeconds,
      seconds: sent.seconds,
    };
  } finally {
    for (const child of children) child.kill('SIGKILL');
    await Promise.all([from, to].map((file) => rm(file, { force: true })));
  }
}

function program(name: string, namespace: string, args: readonly string[], signal: AbortSignal): HostProgram {
  return startOnHost(projectFile(`build/testbed/yardstick/${name}.js`), namespace, args, signal);
}

/** The content does not matter to the kernel, but a hole would: it has no pages. */
async function fill(file: string, byteLength: number): Promise<void> {
  const pattern = Buffer.alloc(patternBytes, 0x5a);
  const handle: FileHandle = await open(file, 'w');
  try {
    for (let written = 0; written < byteLength; written += patternBytes) {
      await handle.write(pattern, 0, Math.min(patternBytes, byteLength - written));
    }
  } finally {
    await handle.close();
  }
}
