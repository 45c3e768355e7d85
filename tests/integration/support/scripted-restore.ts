/** The scripted restore service, and the containers that it runs. */
import { setTimeout as delay } from 'node:timers/promises';

import { PortkeyError } from '../../../libraries/errors/index.js';
import type { Handlers, MigrationRef } from '../../../libraries/rpc/index.js';
import type { ScriptedProcess } from './scripted-process.js';
import {
  held,
  requireBoot,
  scriptedDigests,
  scriptedPages,
  staleEpoch,
  type ScriptedVm,
} from './scripted-vm.js';
import type { Copy, ScriptedClaim } from './scripted-world.js';

export function restoreHandlers(vm: ScriptedVm, process: ScriptedProcess): Handlers<'Restore'> {
  return {
    GetNode: () => process.call('Restore.GetNode', () => vm.node()),
    Prepare: ({ migration, source, bootId }) =>
      process.call('Prepare', () => {
        requireBoot(vm, bootId);
        const { container, migrationId, epoch } = required(migration);
        if (vm.world.copy(vm.name, container) !== undefined) {
          throw new PortkeyError(
            'container-exists',
            `scripted: container '${container}' exists on ${vm.name}`,
          );
        }
        const claim = { id: migrationId, epoch, role: 'destination' as const };
        vm.world.add(vm.name, { ...source?.spec, name: container }, 'prepared', claim);
        return {};
      }),
    StartPageServer: ({ migration }) =>
      process.call('StartPageServer', () => {
        arriving(vm, required(migration));
        return { address: '10.77.0.12', port: 4711 };
      }),
    PutImages: () => process.call('PutImages', () => ({ files: 0, bytes: 0 })),
    ListPages: ({ migration }) =>
      process.call('ListPages', () => {
        arriving(vm, required(migration));
        return scriptedPages;
      }),
    DigestPages: ({ migration }) =>
      process.call('Restore.DigestPages', () => {
        arriving(vm, required(migration));
        return scriptedDigests(vm.traits);
      }),
    Restore: ({ migration }) =>
      process.call('Restore', () => {
        arriving(vm, required(migration)).state = 'stopped';
        return { pid: 4242, taskCount: 2, seconds: 0.03 };
      }),
    Activate: (migration) =>
      process.call('Activate', () => {
        const copy = arriving(vm, migration);
        if (copy.state === 'ended') throw new PortkeyError('destination-lost', 'scripted: no task left');
        vm.world.run(copy);
        return { seconds: 0.001 };
      }),
    Release: (migration) =>
      process.call('Release', () => {
        const copy = held(vm, migration);
        if (copy !== undefined) copy.claim = undefined;
        return {};
      }),
    Discard: (migration) =>
      process.call('Discard', () => {
        const copy = held(vm, migration);
        if (copy?.claim?.role === 'destination') vm.world.remove(copy);
        return {};
      }),
    TakeOver: (migration) =>
      process.call('Restore.TakeOver', () => {
        arriving(vm, migration);
        return {};
      }),
    GetUsage: () =>
      process.call('Restore.GetUsage', () => ({
        steps: [
          { step: 'prepare', agentSeconds: 0.25, programsSeconds: 0.125 },
          { step: 'restore', agentSeconds: 0.5, programsSeconds: 2 },
          { step: 'release', agentSeconds: 8, programsSeconds: 8 },
        ],
      })),
  };
}

export function containerHandlers(vm: ScriptedVm, process: ScriptedProcess): Handlers<'Containers'> {
  const { world } = vm;
  return {
    Run: (spec) =>
      process.call('Run', () => {
        if (world.copy(vm.name, spec.name) !== undefined) {
          throw new PortkeyError('container-exists', `scripted: ${spec.name} exists`);
        }
        return asContainer(world.add(vm.name, spec, 'running'));
      }),
    List: () =>
      process.call('List', async () => {
        vm.lists.now += 1;
        vm.lists.most = Math.max(vm.lists.most, vm.lists.now);
        await delay(vm.traits.listMs);
        vm.lists.now -= 1;
        return { containers: world.copies.filter((copy) => copy.vm === vm.name).map(asContainer) };
      }),
    Stop: ({ name }) =>
      process.call('Stop', () => {
        const copy = world.copy(vm.name, name);
        if (copy === undefined) throw new PortkeyError('container-unknown', `scripted: no container ${name}`);
        world.remove(copy);
        return {};
      }),
  };
}

const containerStates: Record<Copy['state'], string> = {
  running: 'running',
  frozen: 'paused',
  prepared: 'created',
  stopped: 'restored',
  ended: 'stopped',
};

function asContainer({ spec, state, claim }: Copy): object {
  const ip = spec.ip?.split('/')[0] ?? '';
  const pid = state === 'running' ? 4242 : 0;
  return { name: spec.name, ip, pid, state: containerStates[state], spec, claim: claimMessage(claim) };
}

function claimMessage(claim: ScriptedClaim | undefined): object | null {
  if (claim === undefined) return null;
  const { id: migrationId, epoch, role } = claim;
  return { migrationId, epoch, side: role === 'source' ? 'SIDE_SOURCE' : 'SIDE_DESTINATION' };
}

function arriving(vm: ScriptedVm, migration: MigrationRef): Copy {
  const { migrationId, container } = migration;
  const copy = held(vm, migration);
  if (copy?.claim?.role !== 'destination') {
    throw staleEpoch(`${container} is not arriving here by ${migrationId}`);
  }
  return copy;
}

function required(migration: MigrationRef | null): MigrationRef {
  if (migration === null) throw new PortkeyError('invalid-argument', 'scripted: no migration named');
  return migration;
}
