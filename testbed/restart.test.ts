import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

import { systemClock } from '../libraries/process/index.js';
import { sampleTestbed } from '../tests/support/sample-testbed.js';
import { placesOf, type Places } from './paths.js';
import { restartPart } from './restart.js';
import { readState, type TestbedState } from './state.js';
import { daemonStarter } from './supervision/daemon.js';
import { isMarked } from './supervision/marker.js';
import { stopMarkedProcesses } from './supervision/stop.js';
import { realTools } from './tools.js';

describe('a restart', () => {
  let folder = '';
  let places: Places;
  let state: TestbedState;

  // Not controllers, but killed and replaced as such. Those that take their place find no configuration, and end.
  beforeEach(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'portkey-restart-'));
    places = { ...placesOf(process.env), runtime: folder, state: folder, logs: folder };
    const start = daemonStarter(places.runtime, places.logs);
    const processes = ['controller', 'controller-2'].map((name) => {
      const { pid } = start({ name, argv: ['sleep', '60'] });
      return { name, pid };
    });
    const vms = [{ name: 'vm-a', host: 'host-a', address: '10.77.0.11' }];
    state = { ...sampleTestbed(0), vms, controllerCount: 2, processes };
  });
  afterEach(async () => {
    await stopMarkedProcesses(folder, systemClock);
    await rm(folder, { recursive: true });
  });

  const restart = (part: string): Promise<void> => {
    const tools = realTools(folder, () => undefined, new AbortController().signal);
    return restartPart(part, state, places, {}, tools);
  };

  it('kills one of several controllers, and writes down its new pid', async () => {
    await restart('controller-2');
    const [first, second] = (await readState(folder))?.processes ?? [];
    const [firstBefore, secondBefore] = state.processes;
    assert.ok(first && second && firstBefore && secondBefore);
    assert.deepEqual(first, firstBefore);
    assert.ok(await isMarked(first.pid, folder));
    assert.equal(second.name, 'controller-2');
    assert.notEqual(second.pid, secondBefore.pid);
    assert.ok(!(await isMarked(secondBefore.pid, folder)));
  });

  it('of a part that the test bed does not have names those that it has', async () => {
    await assert.rejects(restart('controller-3'), {
      code: 'invalid-argument',
      message:
        "the test bed has no 'controller-3'; it has vm-a, redis, gateway, relay-host-a, controller, controller-2",
    });
  });
});
