/**
 * The test bed itself. It takes down the bed that the other tests used, and leaves one up that has two controllers.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { runtimeFolder, type TestbedState } from '../../testbed/index.js';
import { placesOf } from '../../testbed/paths.js';
import { eventually } from '../support/eventually.js';
import { withTestbed } from './support/fixture.js';
import { inGuest, portkey, portkeyJson, portkeyOk, startPortkey, type Outcome } from './support/portkey.js';
import { crash, pidOf } from './support/processes.js';
import { assertNothingIsLeft } from './support/testbed-traces.js';

const places = placesOf(process.env);

/**
 * What `up` may take where the image is cached. Under emulation two idle cores took 64 to 98 s, nearly all of it for
 * V8 to get six agents going: the limit is for an image that is made anew, or a boot that waits for something.
 */
const upLimitSeconds = { kvm: 60, tcg: 180 } as const;

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

  for (const name of ['relay-host-a', 'controller', 'redis'])
    it(`gives ${name} no capability`, async () => {
      const status = await readFile(`/proc/${await pidOf(name)}/status`, 'utf8');
      assert.match(status, /^CapEff:\s+0000000000000000$/m);
      assert.match(status, /^CapBnd:\s+0000000000000000$/m);
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

  it('says which of its parts have crashed, and goes down without a trace', async () => {
    const parts = ['vm-a-qemu', 'relay-host-b'];
    for (const part of parts) await crash(part);
    const { exitCode, stdout } = await eventually('the status names the parts that crashed', async () => {
      const status = await portkey('testbed', 'status');
      return parts.every((part) => status.stdout.includes(`${part} does not run`)) && status;
    });
    assert.equal(exitCode, 1);
    assert.match(stdout, /^the test bed is degraded/);
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

  it('comes up in time from a cached image, with code that is newer than the image', async () => {
    const program = path.join(places.project, 'build/guest/newer.cjs');
    const images = path.join(places.cache, 'images');
    const imagesBefore = (await readdir(images)).sort();
    const word = randomUUID();
    await writeFile(program, `console.log('${word}')`);
    try {
      const startMs = performance.now();
      const { accel } = await portkeyJson<TestbedState>('testbed', 'up', '--controllers', '2');
      const seconds = (performance.now() - startMs) / 1000;
      console.log(`      up in ${seconds.toFixed(1)} s (${accel})`);
      assert.ok(seconds < upLimitSeconds[accel], `${seconds} s, ${upLimitSeconds[accel]} s are allowed`);
      assert.equal(await inGuest('vm-b', 'node /opt/portkey/newer.cjs'), `${word}\n`);
      assert.deepEqual((await readdir(images)).sort(), imagesBefore);
    } finally {
      await rm(program, { force: true });
    }
  });
});
