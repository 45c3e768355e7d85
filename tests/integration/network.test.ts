/**
 * The test bed's network, built for real and without VMs.
 */
import assert from 'node:assert/strict';

import { runChecked, runCommand } from '../../libraries/process/index.js';
import { tapCommands } from '../../testbed/network/commands.js';
import { createNetwork, networkNamespaces, removeNetwork } from '../../testbed/network/network.js';
import { topologyOf } from '../../testbed/topology.js';

const namespace = 'portkey-host-b';

const ip = (...argv: string[]): Promise<string> => runChecked(runCommand, ['ip', '-n', namespace, ...argv]);

async function withNetwork(work: () => Promise<void>): Promise<void> {
  assert.deepEqual(await networkNamespaces(), [], 'a test bed is up; take it down first');
  try {
    await createNetwork(topologyOf(2, '/run/portkey').vms, undefined, runCommand);
    await work();
  } finally {
    await removeNetwork(runCommand);
  }
}

async function bridgeMac(): Promise<string | undefined> {
  return /link\/ether (\S+)/.exec(await ip('link', 'show', 'br0'))?.[1];
}

describe('the test bed’s network', () => {
  it('keeps a host’s MAC address while taps come and go', () =>
    withNetwork(async () => {
      const own = await bridgeMac();
      for (const command of tapCommands(namespace, 'tap1')) await runChecked(runCommand, command);
      // Lower than any that a bridge would have chosen.
      await ip('link', 'set', 'tap1', 'address', '02:00:00:00:00:01');
      assert.equal(await bridgeMac(), own);
      await ip('link', 'delete', 'tap1');
      assert.equal(await bridgeMac(), own);
      assert.equal(own, '02:70:6b:00:00:02');
    }));

  it('goes without a trace', async () => {
    await withNetwork(async () => assert.equal((await networkNamespaces()).length, 3));
    assert.deepEqual(await networkNamespaces(), []);
  });
});
