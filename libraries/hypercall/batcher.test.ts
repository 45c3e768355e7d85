import assert from 'node:assert/strict';

import fc from 'fast-check';

import { parseBatchPolicy } from './parse-batch-policy.js';
import { Batcher } from './batcher.js';
import { maxPagesPerSend, maxRunsPerSend } from './limits.js';
import { RunList } from './run-list.js';
import { SimulatedRelay } from './simulated-relay.js';
import type { Run } from './test-data.js';

const scannedRun = fc.record({
  pfn: fc.integer({ min: 0, max: 3000 }),
  count: fc.oneof(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 40_000 })),
});
const policyName = fc.oneof(
  fc.constant('adaptive'),
  fc.constantFrom('fixed:1', 'fixed:7', 'fixed:512', `fixed:${maxPagesPerSend}`),
);

/** Gives each run of the scan its place in the object: pages grow, sometimes with a hole. */
function placed(runs: readonly { pfn: number; count: number }[], maxPages: number): Run[] {
  let page = 0;
  return runs.map(({ pfn, count }) => {
    const run = { pfn, count: Math.min(count, maxPages), page };
    page += run.count + (pfn % 2);
    return run;
  });
}

function listOf(runs: readonly Run[]): RunList {
  const list = new RunList();
  for (const { pfn, count, page } of runs) list.append(pfn, count, page);
  return list;
}

/** Runs joined wherever they follow on: equal if and only if pages, frames and order are. */
function canonical(lists: readonly RunList[]): string {
  const joined = new RunList();
  for (const list of lists) {
    for (let index = 0; index < list.length; index += 1) {
      joined.append(list.pfn(index), list.count(index), list.page(index));
    }
  }
  return joined.bytes().toString('hex');
}

async function transfer(relay: SimulatedRelay, policy: string, chunks: readonly RunList[]): Promise<Batcher> {
  const batcher = new Batcher({ policy: parseBatchPolicy(policy), send: (runs) => relay.send(runs) });
  for (const chunk of chunks) await batcher.add(chunk);
  await batcher.finish();
  return batcher;
}

describe('Batcher, against a simulated relay', () => {
  it('sends each page once and in order, within its limits, whatever the scan and the relay do', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(scannedRun, { maxLength: 40 }), { maxLength: 6 }),
        policyName,
        fc.integer({ min: 1, max: 8 }),
        fc.nat(),
        async (scans, policy, credits, seed) => {
          const maxPages = policy === 'fixed:1' ? 30 : 40_000;
          const runs = placed(scans.flat(), maxPages);
          const all = listOf(runs);
          let at = 0;
          const chunks = scans.map((scan) => listOf(runs.slice(at, (at += scan.length))));
          const relay = new SimulatedRelay(seed, credits);
          const batcher = await transfer(relay, policy, chunks);
          assert.equal(batcher.pages, all.pageCount);
          assert.ok(relay.mostInFlight <= credits);
          assert.equal(relay.inFlight, 0);
          const limit = parseBatchPolicy(policy).maxPages;
          for (const sent of relay.landed) {
            assert.ok(sent.length <= maxRunsPerSend && sent.pageCount <= limit);
          }
          assert.equal(canonical(relay.landed), canonical([all]));
        },
      ),
      { numRuns: 60 },
    );
  });

  it('with fixed:1 makes one SEND a page', async () => {
    const relay = new SimulatedRelay(1, 4);
    const batcher = await transfer(relay, 'fixed:1', [listOf([{ pfn: 10, count: 50, page: 0 }])]);
    assert.equal(batcher.sends, 50);
  });

  it('adaptive needs a small part of the hypercalls of one a page', async () => {
    const relay = new SimulatedRelay(2, 8);
    const pageCount = 65_536;
    const chunks = Array.from({ length: 128 }, (_, index) =>
      listOf([{ pfn: index * 1024, count: 512, page: index * 512 }]),
    );
    const batcher = await transfer(relay, 'adaptive', chunks);
    assert.equal(batcher.pages, pageCount);
    assert.ok(batcher.sends < pageCount / 256, `${batcher.sends} SENDs`);
  });

  it('stops at a failure and says it', async () => {
    const relay = new SimulatedRelay(3, 4, { failAfter: 3 });
    const chunks = Array.from({ length: 100 }, (_, index) =>
      listOf([{ pfn: index * 64, count: 64, page: index * 64 }]),
    );
    await assert.rejects(transfer(relay, 'fixed:64', chunks), { code: 'stream-broken' });
    assert.ok(relay.landed.length <= 3);
  });

  it('refuses a policy that it does not know', () => {
    for (const text of ['', 'fixed:0', 'fixed:-1', 'fixed:1e9', 'fixed:20000', 'Adaptive']) {
      assert.throws(() => parseBatchPolicy(text), { code: 'invalid-argument' });
    }
  });
});
