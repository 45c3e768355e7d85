/**
 * Where the test bed keeps its things.
 *
 * Four places: the cache (packages, guest images, what the accelerator probe learned; may be deleted any time
 * the test bed is down), the state folder (state file, logs), the runtime folder (RAM files, sockets, shares; exists
 * only while the test bed is up) and the project, whose `build/` holds the programs. The runtime folder is the
 * same for everyone, since the network namespaces are too: of those that see the same namespaces, at most one test bed is up.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Places {
  readonly cache: string;
  readonly state: string;
  readonly logs: string;
  readonly runtime: string;
  readonly project: string;
  /** Where a supervisor starts the clients of built-in workloads, if there is one (testbed/workload/launch.ts). */
  readonly clients: string | undefined;
}

export const runtimeFolder = '/dev/shm/portkey';

/** The folder above this code with a package.json: it stands in build/ file by file, and in the one file of the command line. */
function folderOfProject(): string {
  let folder = path.dirname(fileURLToPath(import.meta.url));
  while (!existsSync(path.join(folder, 'package.json')) && folder !== '/') folder = path.dirname(folder);
  return folder;
}

const project = folderOfProject();

/** A program or script of the project, by its path in there; of what is compiled that begins with `build/`. */
export function projectFile(file: string): string {
  return path.join(project, file);
}

export function placesOf(env: NodeJS.ProcessEnv): Places {
  const home = env.HOME ?? '/root';
  const state = path.join(env.XDG_STATE_HOME ?? path.join(home, '.local/state'), 'portkey');
  return {
    cache: path.join(env.XDG_CACHE_HOME ?? path.join(home, '.cache'), 'portkey'),
    state,
    logs: path.join(state, 'logs'),
    runtime: runtimeFolder,
    project,
    clients: env.PORTKEY_CLIENTS,
  };
}
