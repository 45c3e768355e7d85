/**
 * What a built-in workload runs inside its container: a plain Redis that keeps everything in memory.
 *
 * Persistence is off, so that no fork and no file is part of the picture. The root file system is the guest's own,
 * read-only, with a tmpfs for Redis' working directory.
 */
import type { ContainerSpec } from '../../libraries/rpc/index.js';

export const redisPort = 6379;

export interface RedisWorkload {
  readonly memoryBytes: number;
  readonly writeBytesPerSecond: number;
}

export const workloadLabel = 'workload';

/** The address is left to the controller unless `ip` is given. */
export function redisContainer(name: string, workload: RedisWorkload, ip = ''): ContainerSpec {
  return {
    name,
    rootfs: '/',
    readOnly: true,
    tmpfs: ['/tmp'],
    memoryLimitBytes: 0,
    network: 'NETWORK_MODE_OWN',
    ip,
    mac: '',
    command: ['/usr/bin/redis-server', ...redisOptions(redisPort, '0.0.0.0', '/tmp')],
    env: [],
    labels: {
      [workloadLabel]: 'redis',
      memoryBytes: String(workload.memoryBytes),
      writeBytesPerSecond: String(workload.writeBytesPerSecond),
    },
  };
}

export function redisOptions(port: number, bind: string, folder: string): string[] {
  const options: Record<string, string> = {
    port: String(port),
    bind,
    'protected-mode': 'no',
    save: '',
    appendonly: 'no',
    daemonize: 'no',
    dir: folder,
    // A client that stands still during a migration must not be dropped by a timer.
    timeout: '0',
    'tcp-keepalive': '0',
  };
  return Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
}
