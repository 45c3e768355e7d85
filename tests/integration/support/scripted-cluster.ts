/**
 * Two scripted VMs, a real Redis, and the controller: in this process, or as a process of its own that can be killed.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { pino } from 'pino';
import { Registry } from 'prom-client';

import { systemClock } from '../../../libraries/process/index.js';
import { RpcClient, RpcServer, type MigrationEvent, type Sent } from '../../../libraries/rpc/index.js';
import { configSchema, type ControllerConfig } from '../../../services/controller/config.js';
import { startController } from '../../../services/controller/controller.js';
import { defaultLimits, type Limits } from '../../../services/controller/limits.js';
import type { MigrationReport } from '../../../services/controller/report/report.js';
import { RedisProxy } from './redis-proxy.js';
import { RedisServer } from './redis-server.js';
import { ScriptedVm } from './scripted-vm.js';
import { World } from './scripted-world.js';

/** Short enough that a test of a hanging agent ends soon. */
const testLimits: Limits = {
  ...defaultLimits,
  questionMs: 700,
  stepMs: 700,
  undoCallMs: 700,
  undoPatienceMs: 4_000,
  retryFirstMs: 20,
  retryMaxMs: 200,
  progressMs: 5,
  watchMs: 20,
};

const callMs = 30_000;
const controllerProgram = new URL('../../../services/controller/main.js', import.meta.url).pathname;

export class ScriptedCluster {
  registry = new Registry();
  readonly client: RpcClient<'Controller'>;
  private stopController: () => Promise<void> = () => Promise.resolve();

  private constructor(
    private readonly folder: string,
    readonly redis: RedisServer,
    /** What the controller takes for Redis. */
    readonly proxy: RedisProxy,
    readonly a: ScriptedVm,
    readonly b: ScriptedVm,
    readonly world: World,
  ) {
    this.client = new RpcClient('Controller', this.address, 'the controller', 'insecure', {
      role: 'controller',
      name: '',
    });
  }

  /** Two VMs, and a running container `web` on vm-a; no controller yet. */
  static async start(): Promise<ScriptedCluster> {
    const folder = await mkdtemp(path.join(tmpdir(), 'portkey-cluster-'));
    const world = new World();
    const [a, b] = [new ScriptedVm('vm-a', world, folder), new ScriptedVm('vm-b', world, folder)];
    const [redis] = await Promise.all([RedisServer.start(), a.start(), b.start()]);
    const proxy = await RedisProxy.start(path.join(folder, 'redis.sock'), redis.path);
    world.add(
      'vm-a',
      { name: 'web', rootfs: '/', network: 'NETWORK_MODE_OWN', ip: '10.77.0.100/24' },
      'running',
    );
    return new ScriptedCluster(folder, redis, proxy, a, b, world);
  }

  /** The controller in this process. */
  async startController(limits: Partial<Limits> = {}): Promise<void> {
    const server = new RpcServer('insecure');
    this.registry = new Registry();
    const parts = {
      log: pino({ level: 'silent' }),
      registry: this.registry,
      server,
      security: 'insecure' as const,
    };
    const stop = await startController(this.config, parts, {
      clock: systemClock,
      limits: { ...testLimits, ...limits },
    });
    await server.listen(this.config.listen);
    this.stopController = async () => {
      await server.stop(0);
      await stop();
    };
  }

  /** The controller as a process of its own, with the limits that it has in earnest. */
  async startControllerProcess(): Promise<ChildProcess> {
    const file = path.join(this.folder, 'controller.json');
    await writeFile(file, JSON.stringify(this.config));
    const child = spawn(process.execPath, [controllerProgram, '--config', file], { stdio: 'ignore' });
    this.stopController = async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await ended;
    };
    await this.client.call('ListMigrations', {}, { deadlineMs: callMs, waitForReady: true });
    return child;
  }

  async endController(): Promise<void> {
    await this.stopController();
    this.stopController = () => Promise.resolve();
  }

  /** Migrates `web` to vm-b (or as `request` says) and returns all events. */
  async migrate(request: Sent<'Controller', 'Migrate'> = {}): Promise<MigrationEvent[]> {
    const wish = {
      container: 'web',
      to: 'vm-b',
      mode: 'MODE_PORTKEY' as const,
      maxDowntimeMs: 1,
      ...request,
    };
    const events: MigrationEvent[] = [];
    for await (const event of this.client.stream('Migrate', wish, { deadlineMs: callMs })) events.push(event);
    return events;
  }

  async stop(): Promise<void> {
    await this.stopController();
    this.client.close();
    await Promise.all([this.a.stop(), this.b.stop(), this.proxy.stop()]);
    await this.redis.stop();
    await rm(this.folder, { recursive: true, force: true });
  }

  private get address(): string {
    return `unix:${path.join(this.folder, 'controller.sock')}`;
  }

  private get config(): ControllerConfig {
    return configSchema.parse({
      listen: [this.address],
      metrics: '127.0.0.1:0',
      security: 'insecure',
      redis: { path: this.proxy.path },
      containerAddresses: { first: '10.77.0.100', last: '10.77.0.103', prefix: 24 },
      vms: [this.a.config, this.b.config],
    });
  }
}

/** Of a migration that completes, after `pending`. */
export const allStates: readonly string[] = [
  ...['preflight', 'precopy', 'frozen', 'dumped', 'landed', 'restored', 'committed', 'done'],
];

/** The report that ends `events`. */
export function reportOf(events: readonly MigrationEvent[]): MigrationReport {
  const json = events.at(-1)?.report ?? '';
  if (json === '') throw new Error(`no report after: ${events.map(({ text }) => text).join(' | ')}`);
  return JSON.parse(json) as MigrationReport;
}

/** The states that `events` went through, in order. */
export function statesOf(events: readonly MigrationEvent[]): string[] {
  return events.filter(({ kind }) => kind === 'transition').map(({ state }) => state);
}
