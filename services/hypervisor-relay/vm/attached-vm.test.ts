import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { AttachedVm } from './attached-vm.js';
import { GuestLog } from './guest-log.js';

describe('a VM of a relay', () => {
  let folder = '';
  beforeEach(() => (folder = mkdtempSync('/dev/shm/portkey-vm-')));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  for (const [isContended, leastMs, mostMs] of [
    [true, 380, 520],
    [false, 70, 105],
  ] as const)
    it(`pays for what is removed from its share as for what it sends${isContended ? ', the more while others migrate' : ''}`, async () => {
      let sleptMs = 0;
      const clock = {
        monotonicMs: () => sleptMs,
        wallTime: () => new Date(0),
        sleep: (milliseconds: number) => {
          sleptMs += milliseconds;
          return Promise.resolve();
        },
      };
      const inFolder = (name: string): string => path.join(folder, name);
      const vm = new AttachedVm({
        config: {
          name: 'vm-a',
          ramFile: inFolder('ram'),
          qmpSocket: inFolder('qmp'),
          qemuPidFile: inFolder('qemu.pid'),
          virtiofsdPidFile: inFolder('virtiofsd.pid'),
          checkpointSocket: inFolder('checkpoint'),
          restoreSocket: inFolder('restore'),
          share: folder,
        },
        clock,
        log: new GuestLog({ info: () => undefined, warn: () => undefined }, clock),
        sessionOf: () => assert.fail('no session is asked for'),
        isContended: () => isContended,
        onFrame: () => undefined,
        onError: () => undefined,
        loop: { sent: () => undefined, landed: () => undefined },
      });
      mkdirSync(inFolder('landing/m-1'), { recursive: true });
      for (let index = 0; index < 2_000; index += 1) writeFileSync(inFolder(`landing/m-1/${index}`), '');
      await vm.folders.remove('m-1');
      assert.ok(!existsSync(inFolder('landing/m-1')));
      assert.ok(sleptMs >= leastMs && sleptMs <= mostMs, `it slept for ${sleptMs} ms`);
    });
});
