import assert from 'node:assert/strict';

import fc from 'fast-check';

import type { NodeInfo } from '../../../libraries/rpc/index.js';
import { planEvacuation, spareBytes, type Candidate, type Leaving } from './plan.js';

const mebibyte = 2 ** 20;

function node(vm: string, changes: Partial<NodeInfo> = {}): NodeInfo {
  return {
    ...{ vm, kernel: '6.12.0', criuVersion: '4.1.1', runcVersion: '1.1.15', cpuFeatures: ['sse2'] },
    ...{ memoryTotalBytes: 2 ** 32, memoryAvailableBytes: 2 ** 32, softDirty: true },
    ...{ hypercallChannel: true, hypercallDetail: '', bootId: 'first' },
    ...changes,
  };
}

const leaving = (container: string, mebibytes: number): Leaving => ({
  ...{ container, memoryBytes: mebibytes * mebibyte, node: node('vm-a') },
});

const candidate = (vm: string, mebibytes: number, changes: Partial<Candidate> = {}): Candidate => ({
  ...{ vm, node: node(vm), freeBytes: mebibytes * mebibyte, containers: [] },
  ...changes,
});

const leavingOfAny = fc
  .array(fc.nat(2_000), { maxLength: 12 })
  .map((sizes) => sizes.map((size, index) => leaving(`c${index}`, size)));

const candidatesOfAny = fc
  .array(
    fc.record({
      free: fc.nat(4_000),
      criuVersion: fc.constantFrom('4.1.1', '4.1.1', '4.2'),
      containers: fc.subarray(['c0', 'c1', 'c2']),
    }),
    { maxLength: 5 },
  )
  .map((all) =>
    all.map(({ free, criuVersion, containers }, index) =>
      candidate(`vm-${index}`, free, { node: node(`vm-${index}`, { criuVersion }), containers }),
    ),
  );

describe('the plan of an evacuation', () => {
  it('places each container once, only where it can run, and no VM gets more than it has room for', () => {
    fc.assert(
      fc.property(leavingOfAny, candidatesOfAny, (movers, candidates) => {
        const placings = planEvacuation(movers, candidates);
        assert.deepEqual(
          placings.map(({ container }) => container).sort(),
          movers.map(({ container }) => container).sort(),
        );
        for (const { vm, freeBytes, containers, node: its } of candidates) {
          const here = placings.filter((placing) => 'to' in placing && placing.to === vm);
          const taken = here.map(({ container }) => movers.find((mover) => mover.container === container));
          const bytes = taken.reduce((sum, mover) => sum + (mover?.memoryBytes ?? 0), 0);
          assert.ok(here.length === 0 || bytes + spareBytes <= freeBytes, `${vm} has too much`);
          assert.ok(here.every(({ container }) => !containers.includes(container)));
          assert.ok(here.length === 0 || its.criuVersion === '4.1.1');
        }
      }),
    );
  });

  it('lets nothing stay that a VM still had room for in the end', () => {
    fc.assert(
      fc.property(leavingOfAny, candidatesOfAny, (movers, candidates) => {
        const placings = planEvacuation(movers, candidates);
        const sizeOf = (name: string): number =>
          movers.find(({ container }) => container === name)?.memoryBytes ?? 0;
        for (const placing of placings) {
          if (!('stays' in placing)) continue;
          for (const { vm, freeBytes, containers, node: its } of candidates) {
            const taken = placings.filter((other) => 'to' in other && other.to === vm);
            const left = taken.reduce((bytes, { container }) => bytes - sizeOf(container), freeBytes);
            const fits = left >= sizeOf(placing.container) + spareBytes;
            assert.ok(!fits || containers.includes(placing.container) || its.criuVersion !== '4.1.1');
          }
        }
      }),
    );
  });

  it('does not depend on the order in which VMs and containers are listed', () => {
    fc.assert(
      fc.property(leavingOfAny, candidatesOfAny, (movers, candidates) => {
        const where = (plan: ReturnType<typeof planEvacuation>): string[] =>
          plan.map((placing) => `${placing.container} ${'to' in placing ? placing.to : '-'}`);
        assert.deepEqual(
          where(planEvacuation([...movers].reverse(), [...candidates].reverse())),
          where(planEvacuation(movers, candidates)),
        );
      }),
    );
  });

  it('spreads containers over the VMs, the largest first', () => {
    const plan = planEvacuation(
      [leaving('small', 100), leaving('large', 500), leaving('medium', 300)],
      [candidate('vm-b', 900), candidate('vm-c', 1_000)],
    );
    assert.deepEqual(plan, [
      { container: 'large', to: 'vm-c' },
      { container: 'medium', to: 'vm-b' },
      { container: 'small', to: 'vm-b' },
    ]);
  });

  it('says of each VM why it cannot take what stays', () => {
    const others = [
      candidate('vm-b', 100),
      candidate('vm-c', 9_000, { containers: ['web'] }),
      candidate('vm-d', 9_000, { node: node('vm-d', { cpuFeatures: [] }) }),
    ];
    const [placing] = planEvacuation([leaving('web', 500)], others);
    assert.ok(placing !== undefined && 'stays' in placing);
    assert.equal(placing.stays.code, 'no-room');
    assert.match(
      placing.stays.message,
      /^container 'web' needs 564 MiB, and vm-b will have 100 MiB; vm-c has a container 'web' already; the CPU of vm-d lacks sse2/,
    );
    const [alone] = planEvacuation([leaving('web', 500)], []);
    assert.ok(alone !== undefined && 'stays' in alone && alone.stays.code === 'vm-unknown');
  });
});
