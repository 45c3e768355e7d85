/** The scripted hypervisor-relay of one VM's host. Its CPU counters grow by one second with each reading. */
import { PortkeyError } from '../../../libraries/errors/index.js';
import type { Handlers } from '../../../libraries/rpc/index.js';
import type { ScriptedProcess } from './scripted-process.js';
import type { ScriptedVm } from './scripted-vm.js';

export function relayHandlers(vm: ScriptedVm, process: ScriptedProcess): Handlers<'HypervisorRelay'> {
  const { sessions } = vm.world;
  const session = (migrationId: string): string => `${vm.name}:${migrationId}`;
  const open = (migrationId: string): void => {
    if (!sessions.has(session(migrationId)))
      throw new PortkeyError('session-unknown', 'scripted: no session');
  };
  const requireStart = (relayStart: string): void => {
    if (relayStart !== vm.name) throw new PortkeyError('relay-unavailable', 'scripted: another start');
  };
  let readings = 0;
  return {
    GetHost: () =>
      process.call('GetHost', () => {
        const { hypercallChannel: ready, hypercallDetail: detail } = vm.traits;
        const attached = {
          ...{ name: vm.name, ramBytes: 2 ** 31, landingFreeBytes: 2 ** 30, relayStart: vm.name },
          ...{
            checkpoint: { ready, detail },
            restore: { ready: true },
            accelerator: 'tcg',
            qemuVersion: '7.2',
          },
        };
        return { host: vm.config.host, version: '0.1.0', vms: vm.traits.attached ? [attached] : [] };
      }),
    OpenLanding: ({ migrationId, relayStart }) =>
      process.call('OpenLanding', () => {
        requireStart(relayStart);
        sessions.add(session(migrationId));
        return { address: '10.77.0.2', port: 4710, token: 'open sesame', folder: `landing/${migrationId}` };
      }),
    OpenStream: ({ migrationId, token, relayStart }) =>
      process.call('OpenStream', () => {
        requireStart(relayStart);
        if (token !== 'open sesame') throw new PortkeyError('stream-broken', 'scripted: wrong token');
        sessions.add(session(migrationId));
        return {};
      }),
    SendImages: ({ migrationId }) =>
      process.call('SendImages', () => {
        open(migrationId);
        return { files: 12, bytes: 130_000 };
      }),
    SealLanding: ({ migrationId }) =>
      process.call('SealLanding', () => {
        open(migrationId);
        return { pages: 1234, zeroPages: 234, bytes: 1000 * 4096 + 130_000 };
      }),
    GetTransfer: () => process.call('GetTransfer', () => ({ pages: 0, bytes: 0, hypercalls: 0 })),
    CloseSession: ({ migrationId }) =>
      process.call('CloseSession', () => {
        sessions.delete(session(migrationId));
        return {};
      }),
    ReadCpu: () =>
      process.call('ReadCpu', () => {
        readings += 1;
        return {
          used: { vm: readings, relay: readings / 10, virtiofsd: 0, vhost: 0 },
          idlePerSecond: { vm: 0.02, relay: 0, virtiofsd: 0, vhost: 0 },
          atSeconds: readings * 5,
        };
      }),
  };
}
