/**
 * `rescue NAME [--keep VM]`: ends what a migration without a record has left, by keeping the copy that the user names.
 *
 * Without an option it changes nothing and lists the copies, with what it means to keep each. It then ends as a command that
 * has refused: nobody but the user can choose.
 */
import { Command } from 'commander';

import type { ContainerCopy } from '../../libraries/rpc/index.js';
import type { Cli } from '../cli.js';
import { containerName } from '../options.js';
import { formatTable } from '../table.js';

interface RescueOptions {
  readonly keep?: string;
}

const notes = `
For a container that 'portkey ps' shows as claimed by a migration that is lost: Redis has lost its data. The copy that is kept
runs; all others are removed, with what they hold in memory. Without an option it lists the copies and changes nothing.

Examples:
  portkey rescue web
  portkey rescue web --keep vm-a`;

const refused = 3;

export function rescueCommand(cli: Cli): Command {
  return new Command('rescue')
    .description('keeps one copy of a container whose migration is lost, and removes the others')
    .argument('<name>', 'the container', containerName)
    .option('--keep <vm>', 'the VM whose copy is to be the container')
    .addHelpText('after', notes)
    .action(async (name: string, { keep }: RescueOptions) => {
      using controller = await cli.connect();
      const { copies, left } = await controller.rescue(name, keep ?? '');
      const rows = copies.map(copyRow);
      if (keep === undefined) {
        cli.exitCode = refused;
        cli.output.result({ name, kept: null, copies: rows }, () => choices(name, copies));
        return;
      }
      if (left.length > 0) cli.exitCode = 1;
      for (const line of left) cli.output.note(`warning: left behind: ${line}`);
      const keeping = copies.find(({ vm }) => vm === keep)?.keeping ?? '';
      cli.output.result({ name, kept: keep, copies: rows, left }, () => `${name} is on ${keep}: ${keeping}`);
    });
}

function copyRow({ vm, state, claim, migrationState, keeping, hindrance }: ContainerCopy): object {
  const migration =
    claim === null ? null : { id: claim.migrationId, state: migrationState, side: sideOf(claim.side) };
  return { vm, state, migration, keeping: keeping || null, hindrance: hindrance || null };
}

function choices(name: string, copies: readonly ContainerCopy[]): string {
  const table = formatTable(
    [{ title: 'VM' }, { title: 'state' }, { title: 'side' }, { title: 'migration' }],
    copies.map(({ vm, state, claim, migrationState }) => [
      vm,
      state,
      claim === null ? '–' : sideOf(claim.side),
      claim === null ? '–' : `${claim.migrationId}, ${migrationState}`,
    ]),
  );
  const lines = copies.map(({ vm, keeping, hindrance }) =>
    hindrance === ''
      ? `portkey rescue ${name} --keep ${vm}: ${keeping}`
      : `the copy on ${vm} cannot be kept: ${hindrance}`,
  );
  return [table, '', ...lines].join('\n');
}

const sideOf = (side: string): string => (side === 'SIDE_SOURCE' ? 'source' : 'destination');
