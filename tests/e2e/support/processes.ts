/**
 * The test bed's processes on the host, to be stopped for a while, killed or started anew. `testbed down` finds whatever
 * a test leaves running by its marker.
 */
import assert from 'node:assert/strict';
import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';

import { daemonStarter } from '../../../testbed/supervision/daemon.js';
import { placesOf } from '../../../testbed/paths.js';
import { topologyOf } from '../../../testbed/topology.js';
import { portkey, portkeyOk } from './portkey.js';

const places = placesOf(process.env);

export async function pidOf(name: string): Promise<number> {
  const state = JSON.parse(await readFile(path.join(places.state, 'testbed.json'), 'utf8')) as {
    processes: { name: string; pid: number }[];
  };
  const found = state.processes.find((process) => process.name === name);
  assert.ok(found, `the test bed has a process ${name}`);
  return found.pid;
}

/** Ends a process as a crash would. Nobody starts it again. */
export async function crash(name: string): Promise<void> {
  process.kill(await pidOf(name), 'SIGKILL');
}

/** Redis is killed, and starts anew with its users and without its data. */
export async function emptyRedis(): Promise<void> {
  await crash('redis');
  const { folder } = topologyOf(2, places.runtime).redis;
  await rm(path.join(folder, 'appendonlydir'), { recursive: true });
  await portkeyOk('testbed', 'restart', 'redis');
}

/** Runs `work` while a process stands still, as one that hangs does. */
export async function whileStopped<T>(name: string, work: () => Promise<T>): Promise<T> {
  const pid = await pidOf(name);
  process.kill(pid, 'SIGSTOP');
  try {
    return await work();
  } finally {
    process.kill(pid, 'SIGCONT');
  }
}

/** The relay of a host, replaced by one with another configuration. */
export class ReplacedRelay {
  private constructor(
    private readonly host: string,
    private pid: number,
  ) {}

  /** `configFile`: instead of the test bed's own. */
  static async start(host: string, configFile: string): Promise<ReplacedRelay> {
    const relay = new ReplacedRelay(host, await pidOf(`relay-${host}`));
    await relay.replace(configFile);
    return relay;
  }

  /** The test bed's own relay again. */
  async putBack(): Promise<void> {
    await this.end();
    await portkeyOk('testbed', 'restart', `relay-${this.host}`);
  }

  private async end(): Promise<void> {
    process.kill(this.pid, 'SIGTERM');
    await gone(this.pid);
  }

  private async replace(configFile: string): Promise<void> {
    await this.end();
    const main = path.join(places.project, 'build/services/hypervisor-relay/main.js');
    const start = daemonStarter(places.runtime, places.logs);
    this.pid = start({
      name: `relay-${this.host}`,
      argv: [process.execPath, main, '--config', configFile],
      namespace: this.place().namespace,
    }).pid;
  }

  private place(): ReturnType<typeof topologyOf>['vms'][number] {
    const place = topologyOf(2, places.runtime).vms.find(({ host }) => host === this.host);
    assert.ok(place);
    return place;
  }
}

/** The test bed's own configuration of a host's relay. */
export async function relayConfigOf(host: string): Promise<{ vms: { ramFile: string }[] }> {
  const place = topologyOf(2, places.runtime).vms.find((vm) => vm.host === host);
  assert.ok(place);
  return JSON.parse(await readFile(place.relayConfig, 'utf8')) as { vms: { ramFile: string }[] };
}

/** Waits until `doctor` finds nothing wrong. */
export async function untilHealthy(): Promise<void> {
  let found = '';
  for (let tries = 0; tries < 30; tries += 1) {
    const { exitCode, stdout } = await portkey('doctor');
    if (exitCode === 0) return;
    found = stdout;
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
  assert.fail(`doctor still finds something wrong: ${found}`);
}

async function gone(pid: number): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail(`process ${pid} does not end`);
}
