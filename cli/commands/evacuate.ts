/** `evacuate VM`: moves every container off a VM. */
import { Command } from 'commander';

import { PortkeyError } from '../../libraries/errors/index.js';
import { formatSeconds } from '../../libraries/units/index.js';
import type { Cli } from '../cli.js';
import { evacuate } from '../evacuate/evacuate.js';
import type { Move } from '../evacuate/moves.js';
import { addHowOptions, howRequest, type HowOptions } from '../migrate/request.js';
import { formatTable } from '../table.js';

interface EvacuateOptions extends HowOptions {
  readonly to?: string;
  readonly dryRun?: true;
}

const notes = `
Exit code 0 where all containers have moved (or would), 1 where any has not. Ctrl-C stops following: the migrations go on.

Examples:
  portkey evacuate vm-a --dry-run
  portkey evacuate vm-a --to vm-b --retries 5`;

export function evacuateCommand(cli: Cli): Command {
  const command = new Command('evacuate')
    .description('moves every container off a VM, and says which have not moved and why')
    .argument('<vm>', 'the VM that they leave')
    .option(
      '--to <vm>',
      'where all of them go; else each to the VM with the most free memory that can take it',
    )
    .option('--dry-run', 'says what would go where, and moves nothing');
  return addHowOptions(command, '2')
    .addHelpText('after', notes)
    .action(async (vm: string, options: EvacuateOptions) => {
      using controller = await cli.connect();
      const dryRun = options.dryRun ?? false;
      const how = howRequest(options);
      const containers = await evacuate(cli, controller, { vm, to: options.to ?? '', dryRun, how });
      cli.output.result({ vm, dryRun, containers }, () => table(vm, containers));
      const message = summary(vm, dryRun, containers);
      if (message === undefined) return;
      cli.output.failure(new PortkeyError('command-failed', message));
      cli.exitCode = 1;
    });
}

/** What there is to say of those that have not moved (or would not), and to do about them; undefined where all have. */
function summary(vm: string, dryRun: boolean, moves: readonly Move[]): string | undefined {
  const some = (text: string, outcomes: readonly Move['outcome'][], toDo = ''): string[] => {
    const of = moves.filter(({ outcome }) => outcomes.includes(outcome)).map(({ container }) => container);
    return of.length === 0
      ? []
      : [`${of.length} of ${moves.length} containers ${text}: ${of.join(', ')}${toDo}`];
  };
  const parts = dryRun
    ? some(`would stay on ${vm}`, ['stayed'])
    : [
        ...some(`stayed on ${vm}`, ['stayed']),
        ...some('lost', ['lost'], ' (start anew with: portkey run)'),
        // Also those of which the controller has told no end.
        ...some(
          'not accounted for',
          ['unknown', 'moving', 'planned'],
          ' (see: portkey ps; for what it shows as lost: portkey rescue)',
        ),
      ];
  return parts.length === 0 ? undefined : parts.join('; ');
}

function table(vm: string, moves: readonly Move[]): string {
  if (moves.length === 0) return `no containers on ${vm}`;
  return formatTable(
    [
      { title: 'container' },
      { title: 'to' },
      { title: 'outcome' },
      { title: 'total', align: 'right' },
      { title: 'downtime', align: 'right' },
      { title: 'why' },
    ],
    moves.map(({ container, to, outcome, reason, report }) => [
      container,
      to ?? '–',
      outcome,
      outcome === 'moved' ? timeText(report?.totalSeconds) : '–',
      outcome === 'moved' ? timeText(report?.downtimeSeconds) : '–',
      reason?.message ?? '',
    ]),
  );
}

function timeText(seconds: number | null | undefined): string {
  return seconds === null || seconds === undefined ? '–' : formatSeconds(seconds);
}
