/**
 * `portkey`: the command line's process.
 */
import { existsSync } from 'node:fs';

import { Command } from 'commander';

import { systemClock } from '../libraries/process/index.js';
import { findTestbed } from '../testbed/find.js';
import { placesOf } from '../testbed/paths.js';
import { controllersOf } from '../testbed/state.js';
import { certificatesFolder } from '../testbed/topology.js';
import type { Cli } from './cli.js';
import {
  Controller,
  controllerAddresses,
  controllerSecurity,
  livingController,
  namedController,
} from './controller.js';
import { flushed } from './flushed.js';
import { ProcessInterrupts } from './interrupts.js';
import { Output } from './output.js';
import { addCommands, outputFlags, runCommandLine, type GlobalOptions } from './program.js';

const argv = process.argv.slice(2);
const program = new Command();
const places = placesOf(process.env);

/** Also for a controller that was named: it may be the test bed's. */
function existingFolder(folder: string): string | undefined {
  return existsSync(folder) ? folder : undefined;
}

const cli: Cli = {
  output: new Output(outputFlags(argv), process.stdout, process.stderr),
  env: process.env,
  clock: systemClock,
  interrupts: new ProcessInterrupts(process),
  places,
  exitCode: 0,
  namedController: () => namedController(program.opts<GlobalOptions>().controller, process.env),
  controllers: async () => {
    const named = cli.namedController();
    const testbed = named === undefined ? await findTestbed(places) : undefined;
    return controllerAddresses({ named, testbed: testbed && controllersOf(testbed, places.runtime) });
  },
  connect: async (address) => {
    const addresses = address === undefined ? await cli.controllers() : [address];
    const options = program.opts<GlobalOptions>();
    const security = controllerSecurity({
      insecure: options.insecure === true,
      named: options.certs ?? process.env['PORTKEY_CERTS'],
      testbed: existingFolder(certificatesFolder(places.runtime)),
    });
    return new Controller(await livingController(addresses, security), security);
  },
};

addCommands(program, cli);
// Who reads our output may leave early, as `| head` does. Without the result there is nothing to go on for; without
// the notes on the way there is: what was begun must be finished or cleaned up.
process.stdout.on('error', () => process.exit(1));
process.stderr.on('error', () => undefined);
const exitCode = await runCommandLine(cli, program, argv);
await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
process.exit(exitCode);
