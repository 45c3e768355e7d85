/**
 * Relays that are not there where a migration can do without them, and what the report says of the CPU then.
 */
import assert from 'node:assert/strict';

import { reportOf, ScriptedCluster } from './support/scripted-cluster.js';

describe('without a relay', function () {
  this.timeout(30_000);
  let cluster: ScriptedCluster;

  beforeEach(async () => {
    cluster = await ScriptedCluster.start();
    await cluster.startController();
  });

  afterEach(async () => {
    await cluster.stop();
  });

  it('keeps the total where a CPU reading between two phases was lost, and says what is counted where', async () => {
    cluster.proxy.before('sending memory', () => cluster.a.relay.faults.plan('ReadCpu', { kind: 'fail' }));
    const { cpuSeconds, warnings } = reportOf(await cluster.migrate());
    assert.equal(cpuSeconds.source?.byPhase.precopy, 0);
    assert.ok(cpuSeconds.source.byPhase.final > 0);
    assert.ok((cpuSeconds.destination?.byPhase.precopy ?? 0) > 0);
    assert.match(
      warnings.join(),
      /a CPU reading of vm-a was lost: what phase precopy used is counted in final$/,
    );
  });
});
