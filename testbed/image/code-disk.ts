/**
 * The code disk: build/guest as a small read-only image, made anew at each `up`, so that new code reaches the guests
 * without rebuilding their image.
 */
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';

import { PortkeyError } from '../../libraries/errors/index.js';
import { runChecked, type RunCommand } from '../../libraries/process/index.js';

/** For ext4's own structures and the last, half-filled block of each file. */
const spareBytes = 16 * 2 ** 20;

/** Throws `testbed-failed` where nothing has been built. */
export async function makeCodeDisk(programs: string, image: string, run: RunCommand): Promise<void> {
  const entries = await readdir(programs, { withFileTypes: true, recursive: true }).catch(() => []);
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
  if (!files.some((file) => file.endsWith('.cjs')))
    throw new PortkeyError('testbed-failed', `${programs} has no guest programs; run 'npm run build'`);
  const sizes = await Promise.all(files.map(async (file) => (await stat(file)).size));
  const bytes = sizes.reduce((sum, size) => sum + size, spareBytes);
  // prettier-ignore
  await runChecked(run, ['mke2fs', '-q', '-F', '-t', 'ext4', '-L', 'portkey-code', '-m', '0', '-O', '^has_journal',
                         '-E', 'root_owner=0:0', '-d', programs, image, `${Math.ceil(bytes / 1024)}k`]);
}
