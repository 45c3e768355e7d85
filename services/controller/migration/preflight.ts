/**
 * Phase 1, preflight: finds the container, asks both sides whether it can move, and reserves what it needs.
 *
 * Everything that can be known to be wrong is found here, while a refusal costs nothing: the container is not
 * frozen, scanned or slowed down by any of it, and what was reserved is given back.
 */
import { PortkeyError } from '../../../libraries/errors/index.js';
import type { CpuReading, Description } from '../../../libraries/rpc/index.js';
import { formatBytes } from '../../../libraries/units/index.js';
import { CpuLedger } from '../accounting/cpu-ledger.js';
import type { Vm } from '../vms/vm.js';
import { chooseMode } from './choose-mode.js';
import { requireSameGroup } from '../vms/groups.js';
import { incompatibility } from './compatibility.js';
import { CriuTransport } from './criu-transport.js';
import { inspect } from './inspect.js';
import type { LiveMigration, Sides, Wish } from './migration.js';
import { PortkeyTransport } from './portkey-transport.js';
import { reserve } from './reserve.js';
import type { Transport } from './transport.js';

/** Both sides are ready; not a page has moved. */
export interface Reserved {
  readonly wish: Wish;
  readonly sides: Sides;
  readonly description: Description;
  readonly transport: Transport;
  readonly cpu: CpuLedger;
}

export async function preflight(migration: LiveMigration, wish: Wish): Promise<Reserved> {
  const sides = await locate(migration, wish);
  const { source, destination } = sides;
  migration.sides = sides;
  migration.report.from = source.name;
  await migration.advance('preflight', `checking ${source.name} and ${destination.name}`, undefined, {
    from: source.name,
  });

  const cpu = new CpuLedger(
    () => readCpu(migration, source),
    () => readCpu(migration, destination),
  );
  migration.report.cpu = cpu;
  const facts = await inspect(migration, sides);
  const { description } = facts;
  migration.boots.source = facts.sourceNode.bootId;
  migration.boots.destination = facts.destinationNode.bootId;
  migration.relayStarts.source = facts.sourceAttached?.relayStart ?? '';
  migration.relayStarts.destination = facts.destinationAttached?.relayStart ?? '';
  migration.report.describe(description);
  const obstacle = incompatibility(facts.sourceNode, facts.destinationNode);
  if (obstacle !== undefined) throw obstacle;

  const choice = chooseMode(wish.mode, migration.tools.criuMode, sides, facts);
  migration.mode = choice.mode;
  migration.report.mode = choice.mode;
  if (choice.because !== undefined) {
    migration.warn(`${choice.because}; migrating in criu mode instead, through the VMs' own network`);
  }
  warnOfConsequences(migration, wish, description, choice.mode === 'criu');

  const transport =
    choice.mode === 'portkey'
      ? new PortkeyTransport(migration, sides, description, wish.bytesPerSecond)
      : new CriuTransport(migration, sides);
  await reserve(migration, wish, sides, description, transport);
  return { wish, sides, description, transport, cpu };
}

async function locate(migration: LiveMigration, wish: Wish): Promise<Sides> {
  const { vms } = migration.tools;
  const destination = vms.get(wish.to);
  const { vm: source, container } = await vms.find(wish.container);
  if (wish.from !== '' && source.name !== wish.from) {
    throw new PortkeyError(
      'container-unknown',
      `container '${wish.container}' is on ${source.name}, not on ${wish.from}, which it was to be taken from; ` +
        'see: portkey ps',
    );
  }
  requireSameGroup(source, destination);
  if (source === destination) {
    throw new PortkeyError(
      'same-vm',
      `container '${wish.container}' is already on ${wish.to}; name another VM`,
    );
  }
  if (container.state !== 'running') {
    throw new PortkeyError(
      'container-not-running',
      `container '${wish.container}' on ${source.name} is ${container.state}; only a running one can migrate`,
    );
  }
  return { source, destination };
}

function warnOfConsequences(
  migration: LiveMigration,
  wish: Wish,
  { spec, memoryBytes, taskCount, establishedConnections }: Description,
  criuMode: boolean,
): void {
  const { container } = migration.subject;
  migration.journal.note(
    'progress',
    `container '${container}': ${formatBytes(memoryBytes)} in ${taskCount} processes, ` +
      `${establishedConnections} connections`,
  );
  if (spec?.network === 'NETWORK_MODE_HOST') {
    migration.warn(`container '${container}' uses its VM's own network: its connections will be closed`);
  }
  if (criuMode && wish.bytesPerSecond > 0) {
    migration.warn("the bandwidth cap has no effect in criu mode: CRIU's page server knows none");
  }
}

function readCpu(migration: LiveMigration, vm: Vm): Promise<CpuReading> {
  return vm.relay.ask('ReadCpu', { vm: vm.name }, { deadlineMs: migration.tools.limits.questionMs });
}
