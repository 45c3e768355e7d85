/** `ps [VM]`: the containers. */
import { Command } from 'commander';

import type { PlacedContainer } from '../../libraries/rpc/index.js';
import type { Cli } from '../cli.js';
import { formatTable } from '../table.js';

export interface ContainerRow {
  readonly name: string;
  readonly vm: string;
  readonly ip: string;
  /** As seen in the VM; 0 while it does not run. */
  readonly pid: number;
  readonly state: string;
}

export function psCommand(cli: Cli): Command {
  return new Command('ps')
    .description('lists the containers')
    .argument('[vm]', 'only those of this VM')
    .addHelpText('after', '\nExample:\n  portkey ps vm-a --json')
    .action(async (vm: string | undefined) => {
      using controller = await cli.connect();
      const rows = (await controller.containers(vm ?? '')).flatMap(containerRow);
      cli.output.result(rows, () => table(rows));
    });
}

export function containerRow({ vm, container }: PlacedContainer): ContainerRow[] {
  if (container === null) return [];
  const { name, ip, pid, state } = container;
  return [{ name, vm, ip, pid, state }];
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
    ],
    rows.map(({ name, vm, ip, pid, state }) => [name, vm, ip === '' ? '–' : ip, String(pid), state]),
  );
}
