/**
 * Two scripted VMs, a real Redis, and the controller: in this process, or as a process of its own that can be killed.
 * Further controllers of the same Redis (`another`) are in this process, or processes of their own, too; each has a way to
 * Redis of its own that can be cut.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { pino } from 'pino';
import { Registry } from 'prom-client';

import { systemClock, type Clock } from '../../../libraries/process/index.js';
import { RpcClient, RpcServer, type MigrationEvent, type Sent } from '../../../libraries/rpc/index.js';
import {
  configSchema,
  type ControllerConfig,
  type CriuModeRule,
} from '../../../services/controller/config.js';
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
  silentMs: 100,
  stepMs: 700,
  undoCallMs: 700,
  undoPatienceMs: 4_000,
  retryFirstMs: 20,
  retryMaxMs: 200,
  progressMs: 5,
  watchMs: 20,
  sweepMs: 300,
  attentionMs: 100,
  slotPollMs: 50,
  retryPauseMs: 50,
};

const callMs = 30_000;
const controllerProgram = new URL('../../../services/controller/main.js', import.meta.url).pathname;

/** A controller beside the cluster's first. */
export interface AnotherController {
  readonly client: RpcClient<'Controller'>;
  readonly proxy: RedisProxy;
  readonly registry: Registry;
  /** Where it is a process of its own. */
  readonly child: ChildProcess | undefined;
  readonly stop: () => Promise<void>;
}

export interface Surroundings {
  readonly limits?: Partial<Limits>;
  readonly migrationsPerHost?: number;
}

export class ScriptedCluster {
  registry = new Registry();
  /** Of controllers in this process that are started from now on. */
  clock: Clock = systemClock;
  /** Of controllers that are started from now on. */
  criuMode: CriuModeRule = 'fallback';
  readonly client: RpcClient<'Controller'>;
  private readonly others: AnotherController[] = [];
  private stopController: () => Promise<void> = () => Promise.resolve();

  private constructor(
    private readonly folder: string,
    readonly redis: RedisServer,
    /** What the controller takes for Redis. */
    readonly proxy: RedisProxy,
    readonly a: ScriptedVm,
    readonly b: ScriptedVm,
    readonly world: World,
    /** VMs beside those two. */
    readonly more: readonly ScriptedVm[],
  ) {
    this.client = this.connect(this.address());
  }

  /** Two VMs and those that `more` names, and a running container `web` on vm-a; no controller yet. */
  static async start(more: readonly string[] = []): Promise<ScriptedCluster> {
    const folder = await mkdtemp(path.join(tmpdir(), 'portkey-cluster-'));
    const world = new World();
    const [a, b] = [new ScriptedVm('vm-a', world, folder), new ScriptedVm('vm-b', world, folder)];
    const others = more.map((name) => new ScriptedVm(name, world, folder));
    const [redis] = await Promise.all([RedisServer.start(), ...[a, b, ...others].map((vm) => vm.start())]);
    const proxy = await RedisProxy.start(path.join(folder, 'redis.sock'), redis.path);
    world.add(
      'vm-a',
      { name: 'web', rootfs: '/', network: 'NETWORK_MODE_OWN', ip: '10.77.0.100/24' },
      'running',
    );
    return new ScriptedCluster(folder, redis, proxy, a, b, world, others);
  }

  /** The controller in this process. */
  async startController(limits: Partial<Limits> = {}, migrationsPerHost?: number): Promise<void> {
    this.registry = new Registry();
    const config = this.config(this.address(), this.proxy, migrationsPerHost);
    this.stopController = await serve(config, this.registry, limits, this.clock);
  }

  /** The controller as a process of its own, with the limits that it has in earnest. */
  async startControllerProcess(): Promise<ChildProcess> {
    const { child, stop } = await this.spawnController(this.config(this.address(), this.proxy), this.client);
    this.stopController = stop;
    return child;
  }

  /** One more controller, in this process. */
  async another({ limits = {}, migrationsPerHost }: Surroundings = {}): Promise<AnotherController> {
    const { address, proxy } = await this.placeForAnother();
    const registry = new Registry();
    const stop = await serve(this.config(address, proxy, migrationsPerHost), registry, limits, this.clock);
    return this.keep({ client: this.connect(address), proxy, registry, child: undefined, stop });
  }

  /** One more controller, as a process of its own. */
  async anotherProcess(): Promise<AnotherController> {
    const { address, proxy } = await this.placeForAnother();
    const client = this.connect(address);
    const { child, stop } = await this.spawnController(this.config(address, proxy), client);
    return this.keep({ client, proxy, registry: new Registry(), child, stop });
  }

  async endController(): Promise<void> {
    await this.stopController();
    this.stopController = () => Promise.resolve();
  }

  /** Migrates `web` to vm-b (or as `request` says) and returns all events. */
  async migrate(
    request: Sent<'Controller', 'Migrate'> = {},
    client: RpcClient<'Controller'> = this.client,
  ): Promise<MigrationEvent[]> {
    const events: MigrationEvent[] = [];
    await this.follow(request, (event) => events.push(event), client);
    return events;
  }

  /** The same, for one whose end is an error. */
  async follow(
    request: Sent<'Controller', 'Migrate'>,
    onEvent: (event: MigrationEvent) => unknown,
    client: RpcClient<'Controller'> = this.client,
  ): Promise<void> {
    const wish = {
      container: 'web',
      to: 'vm-b',
      mode: 'MODE_PORTKEY' as const,
      maxDowntimeMs: 1,
      ...request,
    };
    for await (const event of client.stream('Migrate', wish, { deadlineMs: callMs })) onEvent(event);
  }

  async stop(): Promise<void> {
    await this.stopController();
    this.client.close();
    for (const { client, proxy, stop } of this.others) {
      await stop();
      client.close();
      await proxy.stop();
    }
    await Promise.all([...this.vms.map((vm) => vm.stop()), this.proxy.stop()]);
    await this.redis.stop();
    await rm(this.folder, { recursive: true, force: true });
  }

  private get vms(): ScriptedVm[] {
    return [this.a, this.b, ...this.more];
  }

  private keep(controller: AnotherController): AnotherController {
    this.others.push(controller);
    return controller;
  }

  private async placeForAnother(): Promise<{ address: string; proxy: RedisProxy }> {
    const name = `another-${this.others.length}`;
    const proxy = await RedisProxy.start(path.join(this.folder, `${name}-redis.sock`), this.redis.path);
    return { address: this.address(name), proxy };
  }

  private async spawnController(
    config: ControllerConfig,
    client: RpcClient<'Controller'>,
  ): Promise<{ child: ChildProcess; stop: () => Promise<void> }> {
    const file = path.join(this.folder, `${path.basename(config.listen[0] ?? '')}.json`);
    await writeFile(file, JSON.stringify(config));
    const child = spawn(process.execPath, [controllerProgram, '--config', file], { stdio: 'ignore' });
    const stop = async (): Promise<void> => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await ended;
    };
    await client.call('ListMigrations', {}, { deadlineMs: callMs, waitForReady: true });
    return { child, stop };
  }

  private connect(address: string): RpcClient<'Controller'> {
    return new RpcClient('Controller', address, 'the controller', 'insecure', {
      role: 'controller',
      name: '',
    });
  }

  private address(name = 'controller'): string {
    return `unix:${path.join(this.folder, `${name}.sock`)}`;
  }

  private config(listen: string, proxy: RedisProxy, migrationsPerHost?: number): ControllerConfig {
    return configSchema.parse({
      listen: [listen],
      metrics: '127.0.0.1:0',
      security: 'insecure',
      redis: { path: proxy.path },
      containerAddresses: { first: '10.77.0.100', last: '10.77.0.103', prefix: 24 },
      vms: this.vms.map((vm) => ({ ...vm.config, group: vm.group })),
      ...{ migrationsPerHost, criuMode: this.criuMode },
    });
  }
}

/** A controller in this process; returns how to stop it. */
async function serve(
  config: ControllerConfig,
  registry: Registry,
  limits: Partial<Limits>,
  clock: Clock,
): Promise<() => Promise<void>> {
  const server = new RpcServer('insecure');
  const parts = { log: pino({ level: 'silent' }), registry, server, security: 'insecure' as const };
  const stop = await startController(config, parts, {
    clock,
    limits: { ...testLimits, ...limits },
  });
  await server.listen(config.listen);
  return async () => {
    await server.stop(0);
    await stop();
  };
}

/** Of a migration that completes, after `pending`. */
export const allStates: readonly string[] = [
  ...['preflight', 'precopy', 'frozen', 'dumped', 'landed', 'restored', 'committed', 'activated', 'done'],
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
