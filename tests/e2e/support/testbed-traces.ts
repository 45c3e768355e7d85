/** What a test bed leaves on the machine when it goes down, which is nothing. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

import { runChecked, runCommand } from '../../../libraries/process/index.js';
import { runtimeFolder } from '../../../testbed/index.js';
import { placesOf } from '../../../testbed/paths.js';
import { stateFile } from '../../../testbed/state.js';

const places = placesOf(process.env);

export async function assertNothingIsLeft(): Promise<void> {
  for (const file of [runtimeFolder, stateFile(places.state)]) assert.ok(!existsSync(file), file);
  const namespaces = await runChecked(runCommand, ['ip', 'netns', 'list']);
  assert.doesNotMatch(namespaces, /portkey/);
  const marked = await runCommand([
    'sh',
    '-c',
    `grep -lz '^PORTKEY_TESTBED=${runtimeFolder}$' /proc/[0-9]*/environ 2>/dev/null`,
  ]);
  assert.equal(marked.stdout, '', 'processes');
  assert.doesNotMatch(await readFile('/proc/mounts', 'utf8'), /portkey/);
}
