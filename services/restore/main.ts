/**
 * restore: the destination's half of a migration, inside the VM, and the life of containers there.
 *
 * arrival.ts is the migration; containers.ts runs, lists and stops containers outside of migrations;
 * page-server.ts and image-upload.ts receive what CRIU mode sends over the VMs' network.
 */
import { readFile } from 'node:fs/promises';

import { agentConfig, agentCpuSeconds, startAgentParts } from '../../libraries/agent/index.js';
import { detachMount, mountTmpfs, sendRawFrame } from '../../libraries/libc/index.js';
import { runService } from '../../libraries/service/index.js';
import { Arrivals } from './arrival.js';
import { Containers } from './containers.js';
import { PageServers } from './page-server.js';
import { containerHandlers, restoreHandlers } from './service.js';

void runService({
  name: 'restore',
  config: agentConfig('restore'),
  start: (config, { log, registry, server }) => {
    const parts = startAgentParts('restore', config, { log, registry });
    const { clock, run, store, runc, host, link, nodeInfo, steps } = parts;
    const pageServers = new PageServers({
      run,
      address: config.address,
      root: '/run/portkey/images',
      random: () => Math.random(),
      ...{ mountTmpfs, detachMount },
    });
    const arrivals = new Arrivals({
      store,
      host,
      runc,
      pageServers,
      clock,
      cpuSeconds: agentCpuSeconds,
      share: config.share,
      workRoot: '/run/portkey/arrivals',
      memoryAvailableBytes,
      sendFrame: (frame) => sendRawFrame(config.bridge, frame),
      signal: (pid, signal) => process.kill(pid, signal),
    });
    server.add('Restore', restoreHandlers({ arrivals, pageServers, nodeInfo, link, steps }));
    server.add('Containers', containerHandlers(new Containers(host, store, runc)));
    return Promise.resolve(() => link.stop());
  },
});

async function memoryAvailableBytes(): Promise<number> {
  const kibibytes = /^MemAvailable:\s+(\d+) kB/m.exec(await readFile('/proc/meminfo', 'utf8'))?.[1];
  return Number(kibibytes ?? 0) * 1024;
}
