/**
 * The test bed itself. The last file of the end-to-end tests: it takes down the bed that the others used.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { runChecked, runCommand } from '../../libraries/process/index.js';
import { runtimeFolder } from '../../testbed/index.js';
import { eventually } from '../support/eventually.js';
import { withTestbed } from './support/fixture.js';
import { portkey, portkeyOk, startPortkey, type Outcome } from './support/portkey.js';

async function assertNothingIsLeft(): Promise<void> {
  assert.ok(!existsSync(runtimeFolder), runtimeFolder);
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

/** Brings a test bed up, and signals the command when the VMs have begun to start. */
async function signalUpMidway(signal: NodeJS.Signals): Promise<Outcome> {
  const up = startPortkey(['testbed', 'up']);
  try {
    const ram = path.join(runtimeFolder, 'ram-vm-b');
    await eventually(`${ram} is there`, () => existsSync(ram), 60_000);
  } finally {
    up.signal(signal);
  }
  return up.ended;
}

describe('the test bed', function () {
  this.timeout(180_000);
  withTestbed();

  it('refuses to come up twice', async () => {
    const { exitCode, stderr } = await portkey('testbed', 'up');
    assert.equal(exitCode, 1);
    assert.match(stderr, /is up; take it down first/);
  });

  it('runs commands in a guest with their input, output and exit code', async () => {
    const input = Buffer.from(Array.from({ length: 70_000 }, (_, index) => 32 + (index % 90))).toString();
    const { stdout, stderr, exitCode } = await startPortkey(
      ['testbed', 'exec', 'vm-b', '--', 'sh', '-c', 'cat; echo oops >&2; exit 7'],
      { input },
    ).ended;
    assert.deepEqual([stdout === input, stderr, exitCode], [true, 'oops\n', 7]);
  });

  it('copies a folder into a guest and out again', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'portkey-copy-'));
    try {
      await writeFile(path.join(folder, 'file'), 'content');
      await portkeyOk('testbed', 'cp', folder, 'vm-a:/srv/copied');
      await portkeyOk('testbed', 'cp', 'vm-a:/srv/copied', path.join(folder, 'back'));
      assert.equal(await readFile(path.join(folder, 'back', 'file'), 'utf8'), 'content');
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('goes down without a trace', async () => {
    await portkeyOk('testbed', 'down');
    await assertNothingIsLeft();
  });

  it('goes down without a trace after its start was killed', async () => {
    await signalUpMidway('SIGKILL');
    await portkeyOk('testbed', 'down');
    await assertNothingIsLeft();
  });

  it('goes down without a trace when its start is interrupted', async () => {
    const { exitCode } = await signalUpMidway('SIGINT');
    assert.equal(exitCode, 1);
    await assertNothingIsLeft();
  });
});
