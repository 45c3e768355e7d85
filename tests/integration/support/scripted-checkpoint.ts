/** The scripted checkpoint service: what the real one does to a container, without doing it. */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';

import { PortkeyError } from '../../../libraries/errors/index.js';
import type {
  FrozenDirty,
  Handlers,
  MigrationRef,
  RoundProgress,
  RoundRequest,
} from '../../../libraries/rpc/index.js';
import type { ScriptedProcess } from './scripted-process.js';
import {
  held,
  requireBoot,
  scriptedDigests,
  scriptedPages,
  staleEpoch,
  type ScriptedVm,
} from './scripted-vm.js';
import type { Copy } from './scripted-world.js';

const pageBytes = 4096;

export function checkpointHandlers(vm: ScriptedVm, process: ScriptedProcess): Handlers<'Checkpoint'> {
  return {
    GetNode: () => process.call('Checkpoint.GetNode', () => vm.node()),
    Describe: ({ container }) =>
      process.call('Describe', () => {
        const copy = existing(vm, container);
        return {
          spec: copy.spec,
          memoryBytes: vm.traits.memoryBytes,
          taskCount: vm.traits.taskCount,
          threadCount: 5,
          establishedConnections: 1,
          node: vm.node(),
        };
      }),
    Begin: ({ migration, bootId }) =>
      process.call('Begin', () => {
        requireBoot(vm, bootId);
        const { migrationId, epoch, container } = required(migration);
        const copy = existing(vm, container);
        if (copy.claim !== undefined) throw new PortkeyError('container-busy', 'scripted: claimed already');
        copy.claim = { id: migrationId, epoch, role: 'source' };
        vm.live.add(migrationId);
        return {};
      }),
    Round: (request) => round(vm, process, request),
    Throttle: ({ migration, cpuShare }) =>
      process.call('Throttle', () => {
        claimed(vm, required(migration));
        return { cpus: cpuShare };
      }),
    Freeze: (migration) =>
      process.call('Freeze', () => {
        claimed(vm, migration).state = 'frozen';
        return { seconds: 0.01, taskCount: 2 };
      }),
    Dump: ({ migration }) =>
      process.call('Dump', () => {
        claimed(vm, required(migration));
        return { criuPages: 2, parentPages: 1022, imageBytes: 0, seconds: 0.02 };
      }),
    DigestPages: ({ migration, pages }) =>
      process.call('Checkpoint.DigestPages', () => {
        claimed(vm, required(migration));
        assert.deepEqual(pages, scriptedPages);
        return scriptedDigests(vm.traits, [1030]);
      }),
    Finish: (migration) =>
      process.call('Finish', () => {
        const copy = held(vm, migration);
        vm.live.delete(migration.migrationId);
        if (copy !== undefined) vm.world.remove(copy);
        return {};
      }),
    Rollback: (migration) =>
      process.call('Rollback', () => {
        const copy = held(vm, migration);
        vm.live.delete(migration.migrationId);
        if (copy === undefined) return {};
        copy.claim = undefined;
        vm.world.run(copy);
        return {};
      }),
    TakeOver: (migration) =>
      process.call('Checkpoint.TakeOver', () => {
        if (held(vm, migration)?.claim?.role !== 'source') throw staleEpoch('not leaving here');
        return {};
      }),
    GetUsage: () =>
      process.call('Checkpoint.GetUsage', () => ({
        steps: [
          { step: 'begin', agentSeconds: 0.25, programsSeconds: 0 },
          { step: 'round', agentSeconds: 0.5, programsSeconds: 0 },
          { step: 'dump', agentSeconds: 0.25, programsSeconds: 1 },
          { step: 'finish', agentSeconds: 8, programsSeconds: 8 },
          { step: 'between', agentSeconds: 0.125, programsSeconds: 0 },
        ],
      })),
  };
}

async function* round(
  vm: ScriptedVm,
  process: ScriptedProcess,
  { migration, index, last }: RoundRequest,
): AsyncGenerator<Partial<RoundProgress>> {
  const { dirtyPages, roundMs, progressSteps, memoryBytes } = vm.traits;
  const dirtyAt = (round: number): number => dirtyPages[Math.min(round, dirtyPages.length - 1)] ?? 0;
  await process.call(last ? 'Round(last)' : 'Round', () => claimed(vm, required(migration)));
  const pages = index === 0 ? memoryBytes / pageBytes : dirtyAt(index - 1);
  for (let step = 1; step <= progressSteps; step++) {
    await delay(roundMs / progressSteps);
    yield { pagesSent: Math.floor((pages * step) / progressSteps), pagesTotal: pages, hypercalls: step };
  }
  yield {
    pagesSent: pages,
    pagesTotal: pages,
    hypercalls: 5,
    result: {
      ...{ pages, bytes: pages * pageBytes, hypercalls: 5, dirtyPagesAfter: last ? 0 : dirtyAt(index) },
      ...{ pagesMoved: 0, scanSeconds: 0.0001, seconds: roundMs / 1000, pausedSeconds: 0, taskCount: 2 },
      feedback: '{"batch":64}',
      frozenDirty: last ? frozenDirty(pages, memoryBytes / pageBytes) : null,
      cpu: { scanSeconds: 0.25, hypercallSeconds: 0.125 },
    },
  };
}

function frozenDirty(dirtyPages: number, totalPages: number): FrozenDirty {
  const limitPages = Math.floor(totalPages / 256);
  return { leftToCriu: dirtyPages <= limitPages, dirtyPages, totalPages, limitPages };
}

function existing(vm: ScriptedVm, container: string): Copy {
  const copy = vm.world.copy(vm.name, container);
  if (copy === undefined) throw new PortkeyError('container-unknown', `scripted: no container ${container}`);
  return copy;
}

/** The copy that this migration has claimed in this life of the process. */
function claimed(vm: ScriptedVm, migration: MigrationRef): Copy {
  existing(vm, migration.container);
  const copy = held(vm, migration);
  if (copy === undefined || !vm.live.has(migration.migrationId)) throw staleEpoch('not under way here');
  return copy;
}

function required(migration: MigrationRef | null): MigrationRef {
  if (migration === null) throw new PortkeyError('invalid-argument', 'scripted: no migration named');
  return migration;
}
