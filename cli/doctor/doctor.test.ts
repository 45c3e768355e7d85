import assert from 'node:assert/strict';

import type { Room } from '../../testbed/room.js';
import { checkLines, type Check } from './check.js';
import { hostChecks, type Circumstances, type Machine } from './host-checks.js';

const healthy: Machine = {
  nodeVersion: 'v20.12.0',
  isRoot: true,
  findProgram: (name) => Promise.resolve(`/usr/bin/${name}`),
  isUsable: () => Promise.resolve(true),
  findVirtiofsd: () => Promise.resolve('/usr/libexec/virtiofsd'),
  memoryAvailableBytes: () => Promise.resolve(2 ** 34),
  sharedRoom: () => Promise.resolve({ freeBytes: 2 ** 34, totalBytes: 2 ** 34 }),
};

describe('doctor', () => {
  const troubles = async (
    changes: Partial<Machine>,
    circumstances: Partial<Circumstances> = {},
  ): Promise<[string, Check['state']][]> =>
    (
      await hostChecks(
        { ...healthy, ...changes },
        { testbedIsUp: false, controllerIsNamed: false, ...circumstances },
      )
    )
      .filter(({ state }) => state !== 'ok')
      .map(({ name, state }) => [name, state]);

  it('is content with a machine that has everything', async () => {
    assert.deepEqual(await troubles({}), []);
  });

  it('says each thing that is missing, and how bad that is', async () => {
    assert.deepEqual(await troubles({ nodeVersion: 'v18.19.1', isRoot: false }), [
      ['node', 'failed'],
      ['root', 'failed'],
    ]);
    assert.deepEqual(await troubles({ isUsable: (device) => Promise.resolve(device !== '/dev/kvm') }), [
      ['/dev/kvm', 'warning'],
    ]);
    assert.deepEqual(await troubles({ findVirtiofsd: () => Promise.resolve(undefined) }), [
      ['virtiofsd', 'failed'],
    ]);
    const sharedRoom = (): Promise<Room> => Promise.resolve({ freeBytes: 2 ** 30, totalBytes: 2 ** 34 });
    assert.deepEqual(await troubles({ sharedRoom }), [['/dev/shm', 'warning']]);
  });

  it('does not ask for memory that a running test bed has taken', async () => {
    const memoryAvailableBytes = (): Promise<number> => Promise.resolve(0);
    assert.deepEqual(await troubles({ memoryAvailableBytes }, { testbedIsUp: true }), []);
  });

  it('takes virtiofsd from where the test bed does, not from PATH', async () => {
    const findProgram = (name: string): Promise<string | undefined> =>
      Promise.resolve(name === 'virtiofsd' ? undefined : name);
    assert.deepEqual(await troubles({ findProgram }), []);
  });

  it('only warns of what a test bed here would need, where the controller is elsewhere', async () => {
    const bare: Partial<Machine> = {
      isRoot: false,
      findProgram: () => Promise.resolve(undefined),
      findVirtiofsd: () => Promise.resolve(undefined),
      isUsable: () => Promise.resolve(false),
    };
    const found = await troubles(bare, { controllerIsNamed: true });
    assert.ok(found.length > 8);
    assert.ok(found.every(([, state]) => state === 'warning'));
    assert.deepEqual(await troubles({ nodeVersion: 'v18.19.1' }, { controllerIsNamed: true }), [
      ['node', 'failed'],
    ]);
  });

  it('has a fix below each trouble', () => {
    const checks: Check[] = [
      { area: 'host', name: 'ip', state: 'failed', detail: 'missing: no network', fix: 'install iproute2' },
      { area: 'host', name: 'root', state: 'ok', detail: 'yes', fix: '' },
    ];
    assert.equal(
      checkLines(checks),
      ['✗ ip    missing: no network', '        → install iproute2', '✓ root  yes'].join('\n'),
    );
  });
});
