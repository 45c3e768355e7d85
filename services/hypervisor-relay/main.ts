/**
 * The hypervisor relay: one per host. Hypercalls come in from the VMs' ports, pages go out of guest RAM to other
 * relays, other relays' pages land in the VMs' shared folders; and it accounts for the CPU of each VM.
 */
import { randomUUID } from 'node:crypto';

import { TlsContext } from '../../libraries/openssl/index.js';
import { systemClock } from '../../libraries/process/index.js';
import { runService } from '../../libraries/service/index.js';
import { relayConfig } from './config.js';
import { CpuAccounts } from './cpu/cpu-accounts.js';
import { relayHandlers } from './handlers.js';
import { relayMetrics } from './metrics.js';
import { Sessions } from './session/sessions.js';
import { streamThreads } from './stream/thread-pool.js';
import { AttachedVm } from './vm/attached-vm.js';
import { GuestLog } from './vm/guest-log.js';

await runService({
  name: 'hypervisor-relay',
  config: relayConfig,
  start: (config, { log, registry, server, security }) => {
    // What is wrong with it shows now, and not in the first migration.
    if (security !== 'insecure') TlsContext.open(security).close();
    const clock = systemClock;
    const sessions = new Sessions(randomUUID());
    const cpu = new CpuAccounts(config.vms, clock);
    const threads = streamThreads();
    const vmNames = config.vms.map(({ name }) => name);
    const metrics = relayMetrics(registry, vmNames, {
      sessions: () => sessions.count,
      totals: () => sessions.totals(),
      cpu: () => cpu.all(),
      streams: () => ({ out: threads.senders.streamCount, in: threads.receivers.streamCount }),
    });
    const vms = new Map(
      config.vms.map((vm) => {
        const guestLog = new GuestLog(log, clock);
        const attached = new AttachedVm({
          config: vm,
          clock,
          log: guestLog,
          isContended: () => sessions.hasOthers(vm.name),
          sessionOf: (migrationId) => sessions.outgoing(vm.name, migrationId),
          onFrame: (type, direction) => metrics.countFrame(vm.name, type, direction),
          loop: metrics.loop(vm.name),
          onError: (error) => {
            metrics.countError(vm.name, error.code);
            guestLog.write('warn', { vm: vm.name, code: error.code }, error.message);
          },
        });
        return [vm.name, attached] as const;
      }),
    );
    server.add('HypervisorRelay', relayHandlers({ config, vms, sessions, cpu, threads, security, log }));
    for (const vm of vms.values()) vm.start();
    cpu.start();
    threads.senders.warm(config.streams);
    threads.receivers.warm(config.streams);
    return Promise.resolve(async () => {
      await Promise.all([...vms.values()].map((vm) => vm.stop()));
      await sessions.closeAll();
      await Promise.all([threads.senders.close(), threads.receivers.close()]);
      await cpu.stop();
    });
  },
});
