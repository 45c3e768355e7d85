/**
 * checkpoint: the source's half of a migration, inside the VM.
 *
 * It finds the pages of a container, hands their locations to the hypervisor by hypercalls, freezes the container
 * and lets CRIU dump the rest. Parts, in a page's direction: scan/ (pagemap → runs), rounds/ (what to send when),
 * libraries/hypercall (runs → the relay), departure.ts (the migration around them).
 */
import { agentConfig, agentCpuSeconds, startAgentParts } from '../../libraries/agent/index.js';
import { asPortkeyError } from '../../libraries/errors/index.js';
import { CpuLimit, Freezer } from '../../libraries/runtime/index.js';
import { runService } from '../../libraries/service/index.js';
import { Departures, readUptimeSeconds } from './departure.js';
import { RoundMetrics } from './metrics.js';
import { rehearse } from './rehearsal.js';
import { PagemapReader } from './scan/task-pagemap.js';
import { readZeroPfn } from './scan/zero-pfn.js';
import { checkpointHandlers } from './service.js';

void runService({
  name: 'checkpoint',
  config: agentConfig('checkpoint'),
  start: (config, { log, registry, server, security }) => {
    const parts = startAgentParts('checkpoint', config, { log, registry });
    const { clock, run, store, runc, host, link, nodeInfo, steps } = parts;
    let reader: PagemapReader | undefined;
    const pagemapReader = (): PagemapReader => (reader ??= new PagemapReader(readZeroPfn()));
    const departures = new Departures({
      store,
      host,
      runc,
      clock,
      cpuSeconds: agentCpuSeconds,
      run,
      freezer: (container) => new Freezer(container, clock),
      cpuLimit: (container) => new CpuLimit(container, store.folder(container)),
      workRoot: '/run/portkey/departures',
      share: config.share,
      hypercalls: () => link.ready(),
      pagemapReader,
      uptimeSeconds: readUptimeSeconds,
      security,
    });
    nodeInfo.read(link.state).then(
      ({ cpuFeatures, ...node }) => log.info({ ...node, cpuFeatures: cpuFeatures.length }, 'this VM'),
      (error: unknown) => log.error(`cannot tell what this VM is made of: ${asPortkeyError(error).message}`),
    );
    // After the service answers, so that nobody waits for it.
    const rehearseNow = async (): Promise<void> => rehearse(pagemapReader(), clock);
    const rehearsal = setTimeout(() => {
      rehearseNow().catch((error: unknown) =>
        log.warn(`no rehearsal, the first migration will be slower: ${asPortkeyError(error).message}`),
      );
    }, 1_000);
    rehearsal.unref();
    const rounds = new RoundMetrics(registry);
    server.add('Checkpoint', checkpointHandlers({ departures, store, nodeInfo, link, steps, rounds, clock }));
    return Promise.resolve(() => link.stop());
  },
});
