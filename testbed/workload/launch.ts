/**
 * How the process of a workload client comes to be: as a daemon of the command that starts it, or by a supervisor.
 *
 * A supervisor is for where the command's own processes end with it, as in a container (testbed/compose/clients). The two
 * share a folder:
 *
 *   command: NAME.json, then NAME.wanted  →  supervisor: takes NAME.wanted away, starts it, NAME.pid  →  NAME.failed if it ended at once
 *
 * and process ids, so that the command can end a client as it ends a daemon.
 */
import { readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';

import { PortkeyError } from '../../libraries/errors/index.js';
import { projectFile } from '../paths.js';
import { daemonStarter, type Daemon } from '../supervision/daemon.js';
import type { WorkloadFiles, WorkloadPlace } from './place.js';

const program = projectFile('build/testbed/workload/main.js');

/** The command line of a client whose configuration is `config`. */
export function clientCommand(config: string): string[] {
  return [process.execPath, program, '--config', config];
}

/** The configuration has been written. */
export async function launchClient(
  place: WorkloadPlace,
  files: WorkloadFiles,
): Promise<Pick<Daemon, 'failure'>> {
  if (place.supervisor !== undefined) {
    await rm(files.failed, { force: true });
    await writeFile(files.wanted, '');
    return { failure: () => failureIn(files) };
  }
  const start = daemonStarter(place.runtimeFolder, place.logFolder);
  const namespace = place.namespace === undefined ? {} : { namespace: place.namespace };
  const client = start({ name: files.name, argv: clientCommand(files.config), ...namespace });
  await writeFile(files.pid, `${client.pid}\n`);
  return client;
}

function failureIn({ failed }: WorkloadFiles): PortkeyError | undefined {
  try {
    return new PortkeyError('testbed-failed', readFileSync(failed, 'utf8').trim());
  } catch {
    return undefined;
  }
}
