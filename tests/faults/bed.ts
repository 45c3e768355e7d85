/**
 * The test bed for the matrix: the controller reaches Redis by the link under the matrix' control, and stops trying to undo
 * after seconds, so that a fault can last longer than it tries, unless it is to be patient. A container that a client writes to
 * is always somewhere.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

import { down, HealthProbes, restart, status, up } from '../../testbed/index.js';
import { placesOf } from '../../testbed/paths.js';
import { topologyOf, type Topology } from '../../testbed/topology.js';
import { portkeyOk } from '../e2e/support/portkey.js';
import { runningCopies } from './copies.js';
import { container } from './container.js';
import type { Scene } from './parts.js';
import { Guests } from './guests.js';
import { RedisLink } from './redis-link.js';

const linkPort = 6380;
const quiet = { report: (): void => undefined, signal: new AbortController().signal };

/** A guest that is booted anew, under emulation, takes a minute. The agents in it should not be kept busy by the question. */
const upMs = 240_000;
const lookMs = 1_000;

/** Until each part answers, also one that was started anew. */
export async function untilUp(health: HealthProbes): Promise<void> {
  const endMs = performance.now() + upMs;
  while ((await status(health)).state !== 'up') {
    if (performance.now() > endMs) throw new Error('the test bed does not come back');
    await delay(lookMs);
  }
}

export class FaultBed {
  readonly guests: Guests;
  private readonly health: HealthProbes;

  private constructor(
    private readonly topology: Topology,
    runtime: string,
    private readonly link: RedisLink,
  ) {
    this.guests = new Guests(topology.vms);
    this.health = new HealthProbes(topology, runtime);
  }

  /** Takes over a test bed that is up. */
  static async takeOver(patienceSeconds: number): Promise<FaultBed> {
    const { runtime } = placesOf(process.env);
    const topology = topologyOf(2, runtime);
    const link = await RedisLink.start(linkPort, topology.redis.port);
    const bed = new FaultBed(topology, runtime, link);
    try {
      await bed.configureController(linkPort, { undoPatienceMs: patienceSeconds * 1000 });
      await bed.startContainer('vm-a');
    } catch (error) {
      await bed.giveBack();
      throw error;
    }
    return bed;
  }

  static async up(patienceSeconds: number, report: (line: string) => void): Promise<FaultBed> {
    await up(
      { vms: 2, vmMemoryBytes: 2 * 2 ** 30, accel: 'auto', link: '10gbit', streams: 1 },
      { report, signal: quiet.signal },
    );
    try {
      return await FaultBed.takeOver(patienceSeconds);
    } catch (error) {
      await FaultBed.down(report);
      throw error;
    }
  }

  /** From the VM that has the container to the other. */
  async scene(): Promise<Scene> {
    const names = this.topology.vms.map(({ name }) => name);
    const [home, ...more] = await runningCopies(this.guests, names, container);
    const [source] = this.topology.vms.filter(({ name }) => name === home);
    const [destination] = this.topology.vms.filter(({ name }) => name !== home);
    if (source === undefined || destination === undefined || more.length > 0)
      throw new Error(`the container runs in ${[home ?? 'no VM', ...more].join(' and ')}`);
    const { link, guests, health } = this;
    return { source, destination, link, guests, health };
  }

  async startContainer(vm: string): Promise<void> {
    await portkeyOk('run', vm, container, '--workload', 'redis', '--size', '16M', '--write-rate', '100K');
  }

  /** What was left of it by a cell that went wrong, or with its VM, is removed first; a migration of it may still have to end. */
  async startContainerAnew(): Promise<void> {
    const endMs = performance.now() + upMs;
    for (;;) {
      await portkeyOk('stop', container).catch(() => undefined);
      try {
        await this.startContainer('vm-a');
        return;
      } catch (error) {
        if (performance.now() > endMs) throw error;
        await delay(lookMs);
      }
    }
  }

  /** As it was before. */
  async giveBack(): Promise<void> {
    try {
      await portkeyOk('stop', container).catch(() => undefined);
      await this.configureController(this.topology.redis.port, undefined);
    } finally {
      this.guests.forgetAll();
      this.health.close();
      await this.link.stop();
    }
  }

  static async down(report: (line: string) => void): Promise<void> {
    await down({ report });
  }

  private async configureController(port: number, limits: object | undefined): Promise<void> {
    const [controller] = this.topology.controllers;
    if (controller === undefined) throw new Error('the test bed has no controller');
    const { config: file } = controller;
    const config = JSON.parse(await readFile(file, 'utf8')) as { redis: object };
    // A field that is undefined is not written.
    await writeFile(file, JSON.stringify({ ...config, redis: { ...config.redis, port }, limits }));
    await restart('controller', quiet);
    await untilUp(this.health);
  }
}
