import assert from 'node:assert/strict';

import { Registry } from 'prom-client';

import { errorNumbers, frameTypes } from '../../libraries/hypercall/index.js';
import { relayMetrics, type RelayMetrics } from './metrics.js';

const vms = ['vm-a', 'vm-b'];

function newMetrics(): { registry: Registry; metrics: RelayMetrics } {
  const registry = new Registry();
  const metrics = relayMetrics(registry, vms, {
    sessions: () => 1,
    totals: () => ({ pages: 3, zeroPages: 1, sentBytes: 8_192, landedBytes: 0 }),
    cpu: () => [{ vm: 'vm-a', component: 'vcpu', seconds: 1.5 }],
    streams: () => ({ out: 4, in: 0 }),
  });
  return { registry, metrics };
}

async function linesOf(registry: Registry): Promise<string[]> {
  return (await registry.metrics()).split('\n').filter((line) => line.startsWith('portkey_'));
}

describe("the relay's metrics", () => {
  it('have every VM, frame and error of the protocol at 0 from the start', async () => {
    const lines = await linesOf(newMetrics().registry);
    for (const vm of vms) {
      const counted = lines.filter((line) => line.startsWith(`portkey_hypercalls_total{vm="${vm}"`));
      assert.equal(counted.length, Object.keys(frameTypes).length);
      assert.ok(counted.every((line) => line.endsWith(' 0')));
      for (const code of Object.keys(errorNumbers))
        assert.ok(lines.includes(`portkey_hypercall_errors_total{vm="${vm}",code="${code}"} 0`), code);
      assert.ok(lines.includes(`portkey_send_pages_count{vm="${vm}"} 0`));
      assert.ok(lines.includes(`portkey_starved_seconds_total{vm="${vm}"} 0`));
    }
    assert.ok(lines.includes('portkey_hypercalls_total{vm="vm-a",type="send",direction="guest-to-host"} 0'));
    assert.ok(
      lines.includes('portkey_hypercalls_total{vm="vm-a",type="complete",direction="host-to-guest"} 0'),
    );
  });

  it('have the pages and the bytes of each hypercall', async () => {
    const { registry, metrics } = newMetrics();
    metrics.countFrame('vm-a', 'send', 'guest-to-host');
    metrics.loop('vm-a').sent(16);
    const lines = await linesOf(registry);
    assert.ok(lines.includes('portkey_hypercalls_total{vm="vm-a",type="send",direction="guest-to-host"} 1'));
    assert.ok(lines.includes('portkey_send_pages_sum{vm="vm-a"} 16'));
    assert.ok(lines.includes('portkey_send_bytes_sum{vm="vm-a"} 65536'));
    assert.ok(lines.includes('portkey_send_bytes_bucket{le="65536",vm="vm-a"} 1'));
    assert.ok(lines.includes('portkey_send_bytes_bucket{le="16384",vm="vm-a"} 0'));
  });

  it('get no series more by a thousand migrations of many hypercalls', async () => {
    const { registry, metrics } = newMetrics();
    const before = await linesOf(registry);
    for (let migration = 0; migration < 1_000; migration += 1) {
      for (const vm of vms) {
        metrics.countFrame(vm, 'open', 'guest-to-host');
        metrics.loop(vm).sent(migration);
        metrics.loop(vm).landed({ bytes: 4_096, starvedUs: 10, queueDepth: migration % 16 }, true);
        metrics.countError(vm, 'stream-broken');
      }
    }
    const after = await linesOf(registry);
    assert.equal(after.length, before.length);
    assert.ok(after.includes('portkey_hypercall_errors_total{vm="vm-b",code="stream-broken"} 1000'));
  });
});
