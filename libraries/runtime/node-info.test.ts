import assert from 'node:assert/strict';

import { PortkeyError } from '../errors/index.js';
import type { CommandResult } from '../process/index.js';
import { NodeInfoReader } from './index.js';

const noChannel = { hypercallChannel: false, hypercallDetail: 'none' };

describe('what a VM is made of', () => {
  it('cannot be told without CRIU, which fails the question and nothing else, and can be told later', async () => {
    let installed = false;
    const run = (argv: readonly string[]): Promise<CommandResult> => {
      if (!installed) return Promise.reject(new PortkeyError('command-failed', 'cannot run criu'));
      const stdout = { criu: 'Version: 4.1.1\n', runc: 'runc version 1.1.15\n', uname: '6.12.1\n' }[
        argv[0] ?? ''
      ];
      return Promise.resolve({ exitCode: 0, stdout: stdout ?? '', stderr: '' });
    };
    const reader = new NodeInfoReader('vm-a', run);
    // mocha fails a test that leaves a rejection unhandled.
    await assert.rejects(reader.read(noChannel), /cannot run criu/);
    installed = true;
    const { criuVersion, runcVersion, kernel, softDirty, memoryTotalBytes } = await reader.read(noChannel);
    assert.deepEqual(
      { criuVersion, runcVersion, kernel, softDirty },
      { criuVersion: '4.1.1', runcVersion: '1.1.15', kernel: '6.12.1', softDirty: true },
    );
    assert.ok(memoryTotalBytes > 0);
  });

  it('tells the boot that the VM is in from any other', async () => {
    const run = (): Promise<CommandResult> => Promise.resolve({ exitCode: 0, stdout: '', stderr: '' });
    const reader = new NodeInfoReader('vm-a', run);
    const { bootId } = await reader.read(noChannel);
    assert.match(bootId, /^[0-9a-f-]{36}$/);
    await reader.requireBoot(bootId);
    await reader.requireBoot('');
    await assert.rejects(reader.requireBoot('another'), {
      code: 'agent-unavailable',
      message: 'vm-a was started anew since the migration began; try again',
    });
  });
});
