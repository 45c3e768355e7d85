/**
 * A private apt: it sees one suite of the Debian archive and an empty system, and touches nothing of the host's.
 *
 * The host's own apt.conf stays in force (proxies); its sources, lists, status and caches are replaced. The
 * archive's address is that of the host's own Debian sources, or PORTKEY_DEBIAN_MIRROR.
 */
import { access, readFile } from 'node:fs/promises';
import path from 'node:path';

import { PortkeyError } from '../../libraries/errors/index.js';
import { runChecked, type RunCommand } from '../../libraries/process/index.js';

const keyrings = ['debian-archive-keyring.gpg', 'debian-archive-keyring.pgp'].map((name) =>
  path.join('/usr/share/keyrings', name),
);

/** apt-get options for a state that lives in `folder`. */
export function privateAptOptions(folder: string): string[] {
  const settings = {
    'Dir::State': folder,
    'Dir::State::status': path.join(folder, 'status'),
    'Dir::State::lists': path.join(folder, 'lists'),
    'Dir::Cache': folder,
    'Dir::Cache::archives': path.join(folder, 'archives'),
    'Dir::Etc::sourcelist': path.join(folder, 'sources.list'),
    'Dir::Etc::sourceparts': '/dev/null',
    'Dir::Etc::preferences': '/dev/null',
    'Dir::Etc::preferencesparts': '/dev/null',
    'APT::Architecture': 'amd64',
    'APT::Architectures': 'amd64',
    'APT::Install-Recommends': 'false',
    'APT::Sandbox::User': 'root',
  };
  return Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
}

/** The line for sources.list. */
export async function sourceLine(
  run: RunCommand,
  suite: string,
  component: string,
  env: NodeJS.ProcessEnv,
): Promise<string> {
  const mirror = env.PORTKEY_DEBIAN_MIRROR ?? (await hostMirror(run, suite));
  return `deb [arch=amd64 signed-by=${await keyring()}] ${mirror} ${suite} ${component}\n`;
}

async function hostMirror(run: RunCommand, suite: string): Promise<string> {
  const osRelease = await readFile('/etc/os-release', 'utf8');
  const hostSuite = /^VERSION_CODENAME=(\w+)$/m.exec(osRelease)?.[1] ?? suite;
  const uris = await runChecked(run, ['apt-get', 'update', '--print-uris']);
  const mirror = findMirror(uris, [suite, hostSuite]);
  if (mirror !== undefined) return mirror;
  throw new PortkeyError(
    'testbed-failed',
    'this machine has no Debian package source to build the guest from; set PORTKEY_DEBIAN_MIRROR to one',
  );
}

/** The archive that serves one of `suites`, out of the output of `apt-get update --print-uris`. */
export function findMirror(uris: string, suites: readonly string[]): string | undefined {
  for (const [, mirror, suite] of uris.matchAll(/^'(\S+)\/dists\/(\S+)\/InRelease'/gm)) {
    if (suite !== undefined && suites.includes(suite)) return mirror;
  }
  return undefined;
}

async function keyring(): Promise<string> {
  for (const file of keyrings) {
    if (
      await access(file).then(
        () => true,
        () => false,
      )
    )
      return file;
  }
  throw new PortkeyError(
    'missing-program',
    'the Debian archive keys are missing; run scripts/install-packages.sh',
  );
}
