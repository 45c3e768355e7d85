/**
 * The relay's gRPC methods: proto/portkey/v1/relay.proto says what each does.
 */
import type { Logger } from 'pino';

import { PortkeyError } from '../../libraries/errors/index.js';
import { version } from '../../libraries/service/index.js';
import { requireMigrationId, type CallContext, type Handlers } from '../../libraries/rpc/index.js';
import type { RelayConfig } from './config.js';
import type { CpuAccounts } from './cpu/cpu-accounts.js';
import { LandingSession } from './session/landing-session.js';
import { OutgoingSession } from './session/outgoing-session.js';
import type { Sessions } from './session/sessions.js';
import type { StreamThreads } from './stream/thread-pool.js';
import type { StreamSecurity } from './stream/byte-socket.js';
import type { AttachedVm } from './vm/attached-vm.js';

/** The subfolder of a migration's outgoing folder that is sent: the final dump's images. */
const imagesFolder = 'final';

export interface HandlerParts {
  readonly config: Pick<RelayConfig, 'host' | 'dataAddress' | 'streams'>;
  readonly vms: ReadonlyMap<string, AttachedVm>;
  readonly sessions: Sessions;
  readonly cpu: CpuAccounts;
  readonly threads: StreamThreads;
  readonly security: StreamSecurity;
  readonly log: Logger;
}

export function relayHandlers({
  config,
  vms,
  sessions,
  cpu,
  threads,
  security,
  log,
}: HandlerParts): Handlers<'HypervisorRelay'> {
  const find = (name: string): AttachedVm => {
    const vm = vms.get(name);
    if (vm !== undefined) return vm;
    throw new PortkeyError(
      'vm-unknown',
      `the hypervisor relay of ${config.host} was not given a VM '${name}'; add it to its configuration`,
    );
  };
  return {
    GetHost: async () => {
      const described = await Promise.all([...vms.values()].map((vm) => vm.describe()));
      return {
        host: config.host,
        version,
        vms: described.map((vm) => ({ ...vm, relayStart: sessions.relayStart })),
      };
    },

    OpenLanding: async (request) => {
      const vm = find(request.vm);
      const migrationId = requireMigrationId(request.migrationId);
      sessions.requireSameStart(migrationId, request.relayStart);
      sessions.requireNone(vm.name, migrationId);
      const { expectedBytes } = request;
      const folder = await vm.folders.makeLanding(migrationId, expectedBytes);
      const address = config.dataAddress;
      const make = (): LandingSession =>
        new LandingSession({
          vm: vm.name,
          migrationId,
          address,
          sourceHost: request.sourceHost,
          security,
          onTurnedAway: ({ code, message }) =>
            log.warn({ vm: vm.name, migrationId, code }, `turned away from the landing: ${message}`),
          folder,
          expectedBytes,
          threads: threads.receivers,
        });
      let landing: LandingSession;
      try {
        landing = sessions.add(vm.name, migrationId, make);
      } catch (error) {
        // The migration may have been ended while the folder was made.
        await vm.folders.remove(migrationId);
        throw error;
      }
      log.info({ vm: vm.name, migrationId, port: landing.port }, 'landing opened');
      return {
        address,
        port: landing.port,
        token: landing.token.toString('hex'),
        folder: `landing/${migrationId}`,
      };
    },

    OpenStream: async (request) => {
      const vm = find(request.vm);
      const { address, port, bytesPerSecond, destinationHost: host } = request;
      const migrationId = requireMigrationId(request.migrationId);
      sessions.requireSameStart(migrationId, request.relayStart);
      const peer = { address, port };
      const token = Buffer.from(request.token, 'hex');
      const landing = sessions.admitting(migrationId, peer, token);
      const session = sessions.add(
        vm.name,
        migrationId,
        () =>
          new OutgoingSession({
            vm: vm.name,
            migrationId,
            ram: vm.provedRam(),
            target:
              landing === undefined
                ? { peer, host, security, token, streamCount: config.streams }
                : { landing },
            bytesPerSecond,
            threads: threads.senders,
          }),
      );
      try {
        await session.connected();
      } catch (error) {
        await sessions.close(vm.name, migrationId);
        throw error;
      }
      const isLocal = landing !== undefined;
      log.info({ vm: vm.name, migrationId, address, port, isLocal, bytesPerSecond }, 'stream opened');
      return {};
    },

    SendImages: async ({ vm, migrationId }) => {
      const { name, folders } = find(vm);
      const session = sessions.outgoing(name, requireMigrationId(migrationId));
      return session.sendImages(folders.outgoing(migrationId), imagesFolder);
    },

    SealLanding: async ({ vm, migrationId }, context) => {
      const landing = sessions.landing(find(vm).name, requireMigrationId(migrationId));
      await Promise.race([landing.sealed(), callEnded(context)]);
      const { pages, zeroPages, bytes } = landing.transfer();
      log.info({ vm, migrationId, pages, zeroPages, bytes }, 'landing sealed');
      return { pages, zeroPages, bytes };
    },

    GetTransfer: async ({ vm, migrationId }) =>
      Promise.resolve(sessions.get(find(vm).name, requireMigrationId(migrationId)).transfer()),

    CloseSession: async ({ vm, migrationId }) => {
      const { name, folders } = find(vm);
      await sessions.end(name, requireMigrationId(migrationId));
      await folders.remove(migrationId);
      log.info({ vm, migrationId }, 'session closed');
      return {};
    },

    ReadCpu: async ({ vm }) => Promise.resolve(cpu.read(find(vm).name)),
  };
}

/** Rejects when the caller is gone, so that nothing waits for a seal that nobody wants. */
function callEnded({ signal }: CallContext): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(new PortkeyError('cancelled', 'the caller is gone')), {
      once: true,
    });
  });
}
