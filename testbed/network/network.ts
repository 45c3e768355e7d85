/**
 * The network as a resource: built by `createNetwork`, gone after `removeNetwork`, from whatever half of it there is.
 *
 * Removing goes by the names of the namespaces that exist, not by what was recorded. Links are removed before
 * their namespace, because a namespace that a foreign process still sits in would keep them.
 */
import { readdir } from 'node:fs/promises';

import { runChecked, type RunCommand } from '../../libraries/process/index.js';
import type { VmPlace } from '../topology.js';
import { networkCommands } from './commands.js';

const namespaceFolder = '/run/netns';
const ours = /^portkey-(outside|host-[a-z])$/;

export async function createNetwork(
  vms: readonly VmPlace[],
  linkBitsPerSecond: number | undefined,
  run: RunCommand,
): Promise<void> {
  for (const command of networkCommands(vms, linkBitsPerSecond)) await runChecked(run, command);
}

export async function removeNetwork(run: RunCommand): Promise<void> {
  for (const namespace of await networkNamespaces()) {
    for (const link of await linksOf(namespace, run))
      await run(['ip', '-n', namespace, 'link', 'delete', link]);
    await runChecked(run, ['ip', 'netns', 'delete', namespace]);
  }
}

/** The test bed's namespaces that exist. */
export async function networkNamespaces(): Promise<string[]> {
  const names = await readdir(namespaceFolder).catch(() => []);
  return names.filter((name) => ours.test(name)).sort();
}

async function linksOf(namespace: string, run: RunCommand): Promise<string[]> {
  const listing = await run(['ip', '-n', namespace, '-o', 'link', 'show']);
  const names = [...listing.stdout.matchAll(/^\d+: ([^:@\s]+)/gm)].map(([, name]) => name ?? '');
  return names.filter((name) => name !== 'lo' && name !== '');
}
