import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

import { findTestbed } from './find.js';
import { readState, stateFile, writeState, type TestbedState } from './state.js';

describe('the running test bed', () => {
  const written: TestbedState = {
    ...{ version: 1, startedAt: '', controller: 'unix:/c', vms: [], processes: [], accel: 'tcg' },
    ...{ kernel: '6.12', criu: '4.1', runc: '1.1', qemu: '7.2', cpus: 1, vmMemoryBytes: 0, link: '1gbit' },
    ...{ vhostNet: true, streams: 2, controllerCount: 2 },
  };
  let folder = '';

  beforeEach(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'portkey-find-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('is not found by a state file alone, as a reboot leaves it', async () => {
    const places = { state: path.join(folder, 'state'), runtime: path.join(folder, 'runtime') };
    assert.equal(await findTestbed(places), undefined);
    await writeState(places.state, written);
    assert.equal(await findTestbed(places), undefined);
    await mkdir(places.runtime);
    assert.deepEqual(await findTestbed(places), written);
  });

  it('has one controller and one stream a migration, and a network of which nothing is known, where its state file does not tell', async () => {
    const older = { ...written, streams: undefined, vhostNet: undefined, controllerCount: undefined };
    await writeFile(stateFile(folder), JSON.stringify(older));
    assert.deepEqual(await readState(folder), { ...written, streams: 1, vhostNet: null, controllerCount: 1 });
  });
});
