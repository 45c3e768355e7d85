import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';

import { skip } from '../../tests/support/skip.js';
import { setInterface } from '../libc/index.js';
import { runChecked, runCommand, type RunCommand } from '../process/index.js';
import { ContainerNetwork, outerLinkName } from './index.js';
import { spec } from './test-spec.js';
import { canMount } from './test-tmpfs.js';

describe("a container's real network", () => {
  // Nobody else's on this machine.
  const name = `test-${process.pid}`;
  const bridge = `pkt-${process.pid}`;
  const link = outerLinkName(name);
  const network = (run: RunCommand): ContainerNetwork =>
    new ContainerNetwork({ ...spec, name }, bridge, run, setInterface);
  const ip = (...argv: string[]): Promise<string> => runChecked(runCommand, ['ip', ...argv]);
  let made = false;

  beforeEach(async function () {
    if (!canMount()) skip(this, 'only root can make interfaces');
    await ip('link', 'add', bridge, 'type', 'bridge');
    made = true;
  });
  afterEach(async () => {
    if (!made) return;
    made = false;
    await network(runCommand).remove();
    await ip('link', 'delete', bridge);
  });

  /** `ip` that is killed before it does anything, as by a kernel out of memory. */
  const killed: RunCommand = (argv, options) => runCommand(['sh', '-c', 'kill -KILL $$', ...argv], options);

  it('is removed whole, once or twice, and what is left of it is noticed', async () => {
    await network(runCommand).create();
    const { namespacePath } = network(runCommand);
    const isThere = (): boolean[] => [existsSync(`/sys/class/net/${link}`), existsSync(namespacePath)];
    assert.deepEqual(isThere(), [true, true]);
    await assert.rejects(network(killed).remove(), {
      code: 'runtime-failed',
      message: new RegExp(
        `^of the network of container '${name}' there are still /sys/class/net/${link} and ${namespacePath}: killed by SIGKILL; `,
      ),
    });
    await ip('link', 'delete', link);
    await assert.rejects(network(killed).remove(), {
      code: 'runtime-failed',
      message: new RegExp(`there are still ${namespacePath}: `),
    });
    await network(runCommand).remove();
    assert.deepEqual(isThere(), [false, false]);
    await network(runCommand).remove();
    await network(runCommand).create();
    assert.deepEqual(isThere(), [true, true]);
  });
});
