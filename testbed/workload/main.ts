/**
 * The process of one workload client: `node main.js --config FILE`, run outside the VMs.
 *
 * It goes on serving after its connection broke, so that it can be asked what happened; SIGTERM ends it.
 */
import { Gauge } from 'prom-client';

import { systemClock } from '../../libraries/process/index.js';
import { runService } from '../../libraries/service/index.js';
import { workloadConfig } from './config.js';
import { Workload } from './workload.js';

await runService({
  name: 'workload',
  config: workloadConfig,
  start: (config, { log, registry, server }) => {
    const workload = new Workload(config, systemClock, Math.random);
    server.add('Workload', {
      GetStatus: () => Promise.resolve(workload.status()),
      ResetPause: () => {
        workload.resetPause();
        return Promise.resolve({});
      },
      Verify: () => workload.verify(),
    });
    new Gauge({
      name: 'portkey_workload_longest_pause_seconds',
      help: 'Longest wait of the client for a reply since the last reset.',
      registers: [registry],
      collect() {
        this.set(workload.status().longestPauseSeconds);
      },
    });
    void workload.start().then(() => {
      const { phase, detail, keys, connectionId } = workload.status();
      log.info({ phase, detail, keys, connectionId }, 'loading ended');
    });
    return Promise.resolve(() => workload.end());
  },
});
