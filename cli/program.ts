/**
 * The command line as a whole: all commands, the options that each of them has, and what wrong usage gets.
 */
import { Command, CommanderError } from 'commander';

import { asPortkeyError, PortkeyError } from '../libraries/errors/index.js';
import { version } from '../libraries/service/index.js';
import type { Cli } from './cli.js';
import { benchCommand } from './commands/bench.js';
import { cancelCommand } from './commands/cancel.js';
import { certsCommand } from './commands/certs.js';
import { demoCommand } from './commands/demo.js';
import { doctorCommand } from './commands/doctor.js';
import { evacuateCommand } from './commands/evacuate.js';
import { migrateCommand } from './commands/migrate.js';
import { migrationsCommand } from './commands/migrations.js';
import { psCommand } from './commands/ps.js';
import { rescueCommand } from './commands/rescue.js';
import { runContainerCommand } from './commands/run.js';
import { stopCommand } from './commands/stop.js';
import { testbedCommand } from './commands/testbed.js';
import { verifyCommand } from './commands/verify.js';
import { watchCommand } from './commands/watch.js';
import type { OutputFlags } from './output.js';

export interface GlobalOptions {
  readonly controller?: string;
  readonly certs?: string;
  readonly insecure?: boolean;
}

const description = `Migrates running containers between VMs.

Exit codes: 0 done; 1 failed or rolled back; 2 wrong usage; 3 refused, nothing was touched.`;

/** Once, before the command does anything; services have a line of their own (libraries/service/run.ts). */
const insecureWarning =
  'INSECURE: --insecure asks for no proof of who the controller is: whoever is on the way to it may read and change what is said';

/** --json and --verbose decide how even a mistake in the rest of the line is reported, so they are read first. */
export function outputFlags(argv: readonly string[]): OutputFlags {
  const end = argv.indexOf('--');
  const own = end === -1 ? argv : argv.slice(0, end);
  return { json: own.includes('--json'), verbose: own.includes('--verbose') };
}

/** Runs one command line and returns its exit code. Nothing is thrown. */
export async function runCommandLine(cli: Cli, program: Command, argv: readonly string[]): Promise<number> {
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return cli.exitCode;
  } catch (thrown) {
    const error = thrown instanceof CommanderError ? usageError(thrown) : asPortkeyError(thrown);
    if (error === undefined) return 0;
    cli.output.failure(error);
    return error.exitCode;
  }
}

export function addCommands(program: Command, cli: Cli): void {
  program
    .name('portkey')
    .description(description)
    .option('--json', 'one JSON document on stdout and nothing else')
    .option('--verbose', 'adds details to errors')
    .option(
      '--controller <address>',
      "host:port or unix:/path, or several, of which the first that answers; else PORTKEY_CONTROLLER, else the test bed's",
    )
    .option('--certs <folder>', "the operator's certificate; else PORTKEY_CERTS, else the test bed's")
    .option('--insecure', 'speaks to the controller without encryption or proof of who it is')
    .version(version);
  const commands = [
    doctorCommand,
    testbedCommand,
    runContainerCommand,
    psCommand,
    stopCommand,
    verifyCommand,
    migrateCommand,
    evacuateCommand,
    migrationsCommand,
    watchCommand,
    cancelCommand,
    rescueCommand,
    benchCommand,
    certsCommand,
    demoCommand,
  ];
  for (const command of commands) program.addCommand(command(cli));
  program.hook('preAction', () => {
    if (program.opts<GlobalOptions>().insecure === true) cli.output.note(insecureWarning);
  });
  configure(program);
}

/** Of every command: mistakes are thrown instead of printed, and help shows the options that all have. */
function configure(command: Command): void {
  command
    .exitOverride()
    .configureOutput({ writeErr: () => undefined })
    .configureHelp({ showGlobalOptions: true });
  for (const child of command.commands) configure(child);
}

/** undefined for help and version, which are no errors. */
function usageError(thrown: CommanderError): PortkeyError | undefined {
  if (thrown.exitCode === 0) return undefined;
  if (thrown.code === 'commander.help')
    return new PortkeyError('invalid-argument', "say which command; 'portkey --help' lists them");
  return new PortkeyError('invalid-argument', thrown.message.replace(/^error: /, ''));
}
