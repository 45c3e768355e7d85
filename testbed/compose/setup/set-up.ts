/**
 * Makes what the services of compose.yaml need before the first of them starts: an authority and certificates, Redis'
 * password, configurations, Prometheus' targets; in FOLDER/authority what nobody is given, in FOLDER/SERVICE a parcel each.
 *
 * What is there stays, so that it can run beside services that have read it: keys, certificates and the password are made once.
 * Files are written under another name first, so that nobody reads half of one.
 *
 * All files are the caller's, so that they can be deleted with the clone that they are in; the group may read them, but for the
 * authority's.
 */
import { chmod, chown, copyFile, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';

import type { RunCommand } from '../../../libraries/process/index.js';
import { makeBedCertificates } from '../../certificates.js';
import { newRedisPassword } from '../../configs.js';
import { composeTopology } from '../places.js';
import { certificateFiles, parcelsOf, type Parcel } from './parcels.js';

export interface SetupOptions {
  readonly folder: string;
  readonly vms: number;
  readonly streams: number;
}

export interface Tools {
  /** The caller, and a group of its. */
  readonly owner: { readonly uid: number; readonly gid: number };
  readonly run: RunCommand;
}

/** As long as the authority: services read them once, and nobody is told to start them anew. They are the bed's own. */
const certificateDays = 3_650;
const groupReads = 0o640;
const groupEnters = 0o750;

/** Returns the services that have been given something. */
export async function setUp(
  { folder, vms, streams }: SetupOptions,
  { run, owner }: Tools,
): Promise<string[]> {
  const topology = composeTopology(vms);
  const authority = path.join(folder, 'authority');
  await mkdir(authority, { recursive: true, mode: 0o700 });
  await makeBedCertificates(topology.vms, [], authority, run, certificateDays);
  const redisPassword = await passwordIn(path.join(folder, 'redis', 'password'));
  const parcels = parcelsOf(topology, { streams, redisPassword });
  for (const parcel of parcels) await deliver(parcel, authority, path.join(folder, parcel.service), owner);
  return parcels.map(({ service }) => service);
}

async function deliver(
  { identities, files }: Parcel,
  authority: string,
  folder: string,
  owner: Tools['owner'],
): Promise<void> {
  await mkdir(folder, { recursive: true });
  // It may have come with the clone, and have its owner's group.
  await chown(folder, owner.uid, owner.gid);
  await chmod(folder, groupEnters);
  for (const name of certificateFiles(identities))
    await put(path.join(folder, name), (file) => copyFile(path.join(authority, name), file));
  for (const [name, text] of Object.entries(files))
    await put(path.join(folder, name), (file) => writeFile(file, text));
}

async function put(file: string, write: (file: string) => Promise<void>): Promise<void> {
  const unfinished = `${file}.unfinished`;
  await write(unfinished);
  await chmod(unfinished, groupReads);
  await rename(unfinished, file);
}

async function passwordIn(file: string): Promise<string> {
  const known = await readFile(file, 'utf8').catch(() => '');
  return known === '' ? newRedisPassword() : known;
}
