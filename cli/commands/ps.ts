/**
 * `ps [VM]`: the containers.
 *
 * A VM that does not answer is no empty one: it is named on stderr, and the rest is listed. Where no VM answers at all,
 * the list would say nothing, and the command fails. A container that is claimed by a migration without a record stays so
 * until somebody decides about it, so it is named, too.
 */
import { Command } from 'commander';

import { PortkeyError } from '../../libraries/errors/index.js';
import type { PlacedContainer } from '../../libraries/rpc/index.js';
import type { Cli } from '../cli.js';
import type { Controller } from '../controller.js';
import { formatTable } from '../table.js';

export interface ContainerRow {
  readonly name: string;
  readonly vm: string;
  readonly ip: string;
  /** As seen in the VM; 0 while it does not run. */
  readonly pid: number;
  readonly state: string;
  /** The one that has claimed it. Its state is `lost` where there is no record of it, `unknown` where Redis is silent. */
  readonly migration: { readonly id: string; readonly state: string } | null;
}

export function psCommand(cli: Cli): Command {
  return new Command('ps')
    .description('lists the containers')
    .argument('[vm]', 'only those of this VM')
    .addHelpText('after', '\nExample:\n  portkey ps vm-a --json')
    .action(async (vm: string | undefined) => {
      using controller = await cli.connect();
      const rows = await listContainers(controller, vm ?? '', (line) => cli.output.note(line));
      cli.output.result(rows, () => table(rows));
    });
}

/** Throws `service-unavailable` where no VM answers. */
export async function listContainers(
  controller: Pick<Controller, 'containers' | 'cluster'>,
  vm: string,
  note: (line: string) => void,
): Promise<ContainerRow[]> {
  const { containers, problems } = await controller.containers(vm);
  for (const problem of problems) note(`warning: ${problem}`);
  if (containers.length === 0 && problems.length > 0) {
    const { vms } = await controller.cluster();
    if (problems.length >= vms.length)
      throw new PortkeyError(
        'service-unavailable',
        "no VM answers, so nobody knows the containers; see 'portkey doctor'",
      );
  }
  const rows = containers.flatMap(containerRow);
  const lost = rows.filter(({ migration }) => migration?.state === 'lost').map(({ name }) => name);
  for (const name of new Set(lost)) {
    note(`warning: the migration of '${name}' is lost, and nobody ends it; see: portkey rescue ${name}`);
  }
  return rows;
}

export function containerRow({ vm, container, migrationState }: PlacedContainer): ContainerRow[] {
  if (container === null) return [];
  const { name, ip, pid, state, claim } = container;
  const migration = claim === null ? null : { id: claim.migrationId, state: migrationState };
  return [{ name, vm, ip, pid, state, migration }];
}

function table(rows: readonly ContainerRow[]): string {
  if (rows.length === 0) return 'no containers';
  return formatTable(
    [
      { title: 'name' },
      { title: 'VM' },
      { title: 'address' },
      { title: 'pid', align: 'right' },
      { title: 'state' },
      { title: 'migration' },
    ],
    rows.map(({ name, vm, ip, pid, state, migration }) => [
      ...[name, vm, ip === '' ? '–' : ip, String(pid), state],
      migration === null ? '–' : `${migration.id}, ${migration.state}`,
    ]),
  );
}
