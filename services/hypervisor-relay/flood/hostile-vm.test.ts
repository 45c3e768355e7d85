import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';

import { HostileVm } from './hostile-vm.js';

describe('a hostile VM', function () {
  this.timeout(20_000);
  let vm: HostileVm;
  let relay: Socket | undefined;

  beforeEach(async () => (vm = await HostileVm.start()));
  afterEach(async () => {
    relay?.destroy();
    await vm.stop();
    await rm(vm.folder, { recursive: true, force: true });
  });

  /** Where the relay would be. */
  async function takePort(): Promise<Socket> {
    const socket = connect(vm.config.checkpointSocket);
    await once(socket, 'connect');
    return socket;
  }

  it('floods whoever has its port, and no longer when it is calm', async () => {
    relay = await takePort();
    await vm.flood('unproved');
    await once(relay, 'data');
    await vm.calm();
    // To its end.
    for await (const bytes of relay) assert.ok(bytes);
    relay = await takePort();
    relay.once('data', () => assert.fail('there is still a flood'));
    await new Promise((resolve) => setTimeout(resolve, 200));
  });

  it('ends, and leaves nothing, also where nobody has its port in the middle of a flood', async () => {
    relay = await takePort();
    await vm.flood('opens');
    relay.destroy();
    await vm.calm();
    await vm.stop();
    assert.equal(existsSync(vm.folder), false);
  });

  it('is not waited for when it has ended', async () => {
    process.kill(Number(readFileSync(vm.config.qemuPidFile, 'utf8')), 'SIGKILL');
    await assert.rejects(vm.calm(), /the hostile VM cannot calm: it has ended/);
  });

  it('refuses to SEND in no migration', async () => {
    await assert.rejects(
      vm.flood('sends').then(() => vm.calm()),
      /needs a migration of its own/,
    );
  });
});
