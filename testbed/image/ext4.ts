/**
 * An ext4 image from a folder, the same bytes for the same folder.
 *
 * `mke2fs -d` copies names in sorted order, and identifiers and creation times can be given; but it also copies
 * each file's atime and ctime, and a ctime cannot be set on the folder. So debugfs sets both in the image afterwards.
 * No journal: the image is never written by more than one boot, whose writes vanish with it.
 */
import { readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { runChecked } from '../../libraries/process/index.js';
import type { Tools } from '../tools.js';

export interface Ext4Options {
  readonly label: string;
  readonly bytes: number;
  /** Seconds since 1970 that every file gets as its times. */
  readonly epoch: number;
}

const uuid = '706f7274-6b65-4779-8000-696d61676500';
const timeoutMs = 5 * 60_000;

export async function makeExt4(
  folder: string,
  image: string,
  { label, bytes, epoch }: Ext4Options,
  tools: Tools,
): Promise<void> {
  const extended = `hash_seed=${uuid},root_owner=0:0,lazy_itable_init=0`;
  await runChecked(
    tools.run,
    // prettier-ignore
    ['mke2fs', '-q', '-F', '-t', 'ext4', '-L', label, '-U', uuid, '-m', '0', '-O', '^has_journal,^resize_inode',
     '-E', extended, '-d', folder, image, `${Math.ceil(bytes / 1024)}k`],
    {
      timeoutMs,
      env: { ...process.env, E2FSPROGS_FAKE_TIME: String(epoch), SOURCE_DATE_EPOCH: String(epoch) },
    },
  );
  const commands = `${image}.commands`;
  await writeFile(commands, timeCommands(await pathsBelow(folder), epoch));
  await runChecked(tools.run, ['debugfs', '-w', '-f', commands, image], { timeoutMs });
  await rm(commands);
}

/** debugfs commands that set the atime and ctime of each path, and the time of this very change. */
export function timeCommands(paths: readonly string[], epoch: number): string {
  const commands = paths.flatMap((name) =>
    ['ctime', 'atime'].map((field) => `sif "${name.replaceAll('"', '""')}" ${field} @${epoch}`),
  );
  return [`set_current_time @${epoch}`, ...commands, ''].join('\n');
}

/** Every path below `folder` as the image has it, "/" first, sorted. */
export async function pathsBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  const paths = entries.map((entry) => `/${path.relative(folder, path.join(entry.parentPath, entry.name))}`);
  return ['/', ...paths.sort()];
}
