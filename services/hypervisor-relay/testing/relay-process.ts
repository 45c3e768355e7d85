/** For tests: a real relay process with its own configuration, and a client to it, as the controller. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import path, { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { processCpuSeconds } from '../../../libraries/libc/index.js';
import { unprivileged } from '../../../libraries/process/index.js';
import { RpcClient } from '../../../libraries/rpc/index.js';
import type { VmConfig } from '../config.js';
import { insecure, type Certified } from './test-certificates.js';

const entry = fileURLToPath(new URL('../main.js', import.meta.url));

const project = fileURLToPath(new URL('../../../../', import.meta.url));
const elsewhere = '/mnt';

/** SECURITY.md says that a relay needs no capability. Only root has some to give up. */
const withoutCapabilities = process.getuid?.() === 0 ? unprivileged : [];

/**
 * As a user who is nobody otherwise, root only. The project may be where only root gets to, so that user has it mounted
 * elsewhere. `setpriv` comes first, and what it gives up after it.
 */
function commandAs(user: number | undefined, program: string, args: readonly string[]): string[] {
  if (user === undefined) return [...withoutCapabilities, process.execPath, program, ...args];
  const mount = `mount --bind "$1" ${elsewhere} && shift && exec "$@"`;
  const [setpriv = '', ...rest] = unprivileged;
  const identity = [`--reuid=${user}`, `--regid=${user}`, '--clear-groups'];
  const mounted = path.join(elsewhere, path.relative(project, program));
  return [
    ...['unshare', '--mount', 'sh', '-c', mount, 'sh', project, setpriv, ...identity, ...rest],
    ...[process.execPath, mounted, ...args],
  ];
}

/** A VM that a relay is given, and that ends with it. */
export interface HostedVm {
  readonly folder: string;
  readonly config: VmConfig;
  stop(): Promise<void>;
}

export class RelayProcess {
  readonly client: RpcClient<'HypervisorRelay'>;
  private log = '';

  private constructor(
    private readonly child: ChildProcess,
    host: string,
    address: string,
    private readonly vms: readonly HostedVm[],
    certified: Certified,
  ) {
    this.client = new RpcClient(
      'HypervisorRelay',
      address,
      'the relay under test',
      certified.securityOf({ role: 'controller', name: '' }),
      { role: 'relay', name: host },
    );
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.log += text));
  }

  /** Those who share `certified` know each other. */
  static async start(
    host: string,
    vms: readonly HostedVm[],
    streams = 1,
    certified: Certified = insecure,
    user?: number,
  ): Promise<RelayProcess> {
    const folder = vms[0]?.folder ?? '/dev/shm';
    const configFile = join(folder, 'relay.json');
    const address = `unix:${join(folder, 'relay.sock')}`;
    writeFileSync(
      configFile,
      JSON.stringify({
        host,
        listen: [address],
        metrics: '127.0.0.1:0',
        security: certified.filesOf({ role: 'relay', name: host }),
        dataAddress: '127.0.0.1',
        streams,
        vms: vms.map(({ config }) => config),
      }),
    );
    const [command = '', ...args] = commandAs(user, entry, ['--config', configFile]);
    const child = spawn(command, args, {
      stdio: ['ignore', 'inherit', 'pipe'],
    });
    const relay = new RelayProcess(child, host, address, vms, certified);
    try {
      await relay.client.call('GetHost', {}, { deadlineMs: 10_000, waitForReady: true });
      return relay;
    } catch (error) {
      await relay.stop();
      throw error;
    }
  }

  get cpuSeconds(): number {
    return processCpuSeconds(this.child.pid ?? 0) ?? 0;
  }

  /** Memory of its own, without what it maps. */
  get anonymousBytes(): number {
    return Number(this.status('RssAnon')?.replace(' kB', '')) * 1024;
  }

  /** A line of proc(5)'s status. */
  status(key: string): string | undefined {
    const text = readFileSync(`/proc/${this.child.pid ?? 0}/status`, 'utf8');
    return new RegExp(`^${key}:\\s+(.*)$`, 'm').exec(text)?.[1];
  }

  pause(): void {
    this.child.kill('SIGSTOP');
  }

  resume(): void {
    this.child.kill('SIGCONT');
  }

  /** A line of /metrics, by how it begins. */
  async metric(start: string): Promise<string | undefined> {
    const { metricsPort } = this.logged('serving') as { metricsPort: number };
    const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
    return text.split('\n').find((line) => line.startsWith(start));
  }

  /** As a crash or the kernel would. */
  kill(): void {
    this.child.kill('SIGKILL');
  }

  /** Resolves with its exit code; null where it was killed. */
  async stop(): Promise<number | null> {
    this.client.close();
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const exited = once(this.child, 'exit');
      this.child.kill('SIGTERM');
      await exited;
    }
    for (const vm of this.vms) await vm.stop();
    return this.child.exitCode;
  }

  /** Lines of its log that say this. */
  linesAbout(pattern: RegExp): string[] {
    return this.log.split('\n').filter((line) => pattern.test(line));
  }

  private logged(message: string): unknown {
    const lines = this.log.split('\n').filter((line) => line.startsWith('{'));
    return lines.map((line) => JSON.parse(line) as { msg: string }).find(({ msg }) => msg === message);
  }
}
