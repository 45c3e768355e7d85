/**
 * The workload of the VM that QEMU migrates: the same Redis under the same client outside the VMs as in the experiment's
 * containers, so as much memory, written at the same rate. There is no runc around it: the agents that start containers
 * need the share, and QEMU migrates no VM that has it.
 */
import { Writable } from 'node:stream';

import { PortkeyError } from '../../../libraries/errors/index.js';
import type { Clock } from '../../../libraries/process/index.js';
import { execInGuest } from '../../exec.js';
import { redisOptions, redisPort, startWorkload, type WorkloadPlace } from '../../workload/index.js';
import { wholeVmName, type WholeVmPlace } from './place.js';

const startWithinMs = 60_000;

export interface GuestWorkload {
  readonly memoryBytes: number;
  readonly writeBytesPerSecond: number;
}

/** Resolves when everything is loaded. Throws what the guest agent and the client throw, and the signal's reason. */
export async function startGuestWorkload(
  { name, agents, address, certificates }: WholeVmPlace,
  clients: WorkloadPlace,
  workload: GuestWorkload,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  let complaint = '';
  const stderr = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      complaint += chunk.toString();
      done();
    },
  });
  const stdout = new Writable({ write: (_chunk, _encoding, done) => done() });
  // It shall outlive the call, as it moves.
  const inBackground = ['sh', '-c', '"$@" </dev/null >/dev/null 2>&1 &', 'sh'];
  const redis = ['redis-server', ...redisOptions(redisPort, '0.0.0.0', '/tmp')];
  const options = { stdout, stderr, signal, deadlineMs: startWithinMs };
  const exitCode = await execInGuest({ name, agents, certificates }, [...inBackground, ...redis], options);
  if (exitCode !== 0)
    throw new PortkeyError('command-failed', `Redis was not started in the VM that QEMU shall migrate`, {
      details: complaint,
    });
  const request = { container: wholeVmName, host: address, port: redisPort, ...workload };
  await startWorkload(clients, request, clock, () => undefined, signal);
}
