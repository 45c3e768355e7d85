/** `verify NAME`: asks the built-in workload whether everything is still there. */
import { Command } from 'commander';

import { formatSeconds } from '../../libraries/units/index.js';
import type { Cli } from '../cli.js';
import { containerName } from '../options.js';
import { formatCount } from '../report/comparison.js';
import { verifyWorkload, type Verification } from '../workload/verify.js';
import { workloadPlaceOf } from '../workload-place.js';

export function verifyCommand(cli: Cli): Command {
  return new Command('verify')
    .description('asks the built-in workload whether all it acknowledged is there and its connection held')
    .argument('<name>', 'the container of a built-in workload', containerName)
    .addHelpText('after', '\nExit code 1 if anything is lost, damaged, or the connection ever broke.')
    .action(async (name: string) => {
      const result = await verifyWorkload(workloadPlaceOf(cli.places), name);
      cli.output.result(result, () => lines(result));
      if (!result.ok) cli.exitCode = 1;
    });
}

function lines(result: Verification): string {
  return [
    `${result.name}: ${result.ok ? 'ok' : 'NOT OK'}`,
    `  keys                 ${formatCount(result.keys)}`,
    `  acknowledged writes  ${formatCount(result.acknowledgedWrites)}`,
    `  lost writes          ${formatCount(result.lostWrites)}`,
    `  corrupt values       ${formatCount(result.corruptValues)}`,
    `  connection           ${result.connectionKept ? 'the same one' : 'BROKEN'} (${result.connectionId})`,
    `  longest pause        ${formatSeconds(result.longestPauseSeconds)}`,
  ].join('\n');
}
