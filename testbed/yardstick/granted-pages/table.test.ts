import assert from 'node:assert/strict';

import type { CpuReading } from '../../../libraries/rpc/index.js';
import { hostCpuBetween, type HostCpu } from './host-cpu.js';
import type { Passage } from './pass.js';
import { passageTable, totalOf } from './table.js';

const none: HostCpu = { receiver: 0, vm: 0, virtiofsd: 0, vhost: 0 };

function passage(receiver: number, vm: number): Passage {
  const cpu = { grant: none, transfer: { ...none, receiver }, read: { ...none, vm }, release: none };
  return { cpu, seconds: 2, guestBytes: 2 ** 30, hugeBytes: 2 ** 21 };
}

describe("the landing experiment's figures", () => {
  it('have the median of the ratios pass by pass, not the ratio of the medians', () => {
    const share = { name: 'share', passages: [passage(1, 1), passage(2, 2), passage(4, 4)] };
    const granted = { name: 'granted', passages: [passage(1, 0), passage(1, 3), passage(1, 0)] };
    const [, first, second] = passageTable([share, granted]).split('\n');
    assert.match(first ?? '', /^share +2\.00 +2\.00 +0\.00 +0\.00 +4\.00 +\(2\.00…8\.00\) +1\.00 /);
    assert.match(
      second ?? '',
      /^granted +1\.00 +0\.00 +0\.00 +0\.00 +1\.00 +\(1\.00…4\.00\) +0\.50 .* 2\.00 +1 GiB +2 MiB$/,
    );
    assert.equal(totalOf(passage(1, 3)), 4);
  });

  it("leave out an idle VM's share, and no more than was used", () => {
    const reading = (vm: number, virtiofsd: number, atSeconds: number): CpuReading => ({
      used: { vm, relay: 9, virtiofsd, vhost: 0 },
      idlePerSecond: { vm: 0.2, relay: 0, virtiofsd: 0.1, vhost: 0.1 },
      atSeconds,
    });
    const cpu = hostCpuBetween(reading(1, 1, 10), reading(4, 1.1, 15), 0.5);
    assert.deepEqual(cpu, { receiver: 0.5, vm: 2, virtiofsd: 0, vhost: 0 });
  });
});
