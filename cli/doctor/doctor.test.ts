import assert from 'node:assert/strict';

import type { Room } from '../../testbed/room.js';
import { checkLines, type Check } from './check.js';
import { hostChecks, type Machine } from './host-checks.js';

const healthy: Machine = {
  nodeVersion: 'v20.12.0',
  isRoot: true,
  findProgram: (name) => Promise.resolve(`/usr/bin/${name}`),
  isUsable: () => Promise.resolve(true),
  exists: () => Promise.resolve(false),
  memoryAvailableBytes: () => Promise.resolve(2 ** 34),
  sharedRoom: () => Promise.resolve({ freeBytes: 2 ** 34, totalBytes: 2 ** 34 }),
};

describe('doctor', () => {
  const troubles = async (changes: Partial<Machine>, up = false): Promise<[string, Check['state']][]> =>
    (await hostChecks({ ...healthy, ...changes }, up))
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
    assert.deepEqual(
      await troubles({ findProgram: (name) => Promise.resolve(name === 'virtiofsd' ? undefined : name) }),
      [['virtiofsd', 'failed']],
    );
    const sharedRoom = (): Promise<Room> => Promise.resolve({ freeBytes: 2 ** 30, totalBytes: 2 ** 34 });
    assert.deepEqual(await troubles({ sharedRoom }), [['/dev/shm', 'warning']]);
  });

  it('does not ask for memory that a running test bed has taken', async () => {
    assert.deepEqual(await troubles({ memoryAvailableBytes: () => Promise.resolve(0) }, true), []);
  });

  it('finds virtiofsd outside PATH', async () => {
    assert.deepEqual(
      await troubles({
        findProgram: (name) => Promise.resolve(name === 'virtiofsd' ? undefined : name),
        exists: (file) => Promise.resolve(file === '/usr/lib/qemu/virtiofsd'),
      }),
      [],
    );
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
