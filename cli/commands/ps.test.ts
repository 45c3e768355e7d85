import assert from 'node:assert/strict';

import type { Cluster, ClusterVm, PlacedContainers } from '../../libraries/rpc/index.js';
import { listContainers, type ContainerRow } from './ps.js';

describe('ps', () => {
  const vm = (name: string): ClusterVm => ({ name, host: '', node: null, relay: null, problems: [] });
  const cluster: Cluster = { version: '', redis: true, redisVolatile: false, vms: [vm('vm-a'), vm('vm-b')] };
  const web = { name: 'web', ip: '10.77.0.100', pid: 812, state: 'running' };
  const placed = { vm: 'vm-a', container: { ...web, spec: null, claim: null }, migrationState: '' };
  let notes: string[] = [];

  const list = (answer: PlacedContainers): Promise<ContainerRow[]> => {
    notes = [];
    const controller = { containers: () => Promise.resolve(answer), cluster: () => Promise.resolve(cluster) };
    return listContainers(controller, '', (line) => notes.push(line));
  };

  it('names the VMs that do not answer, and lists the rest', async () => {
    const rows = await list({ containers: [placed], problems: ['the containers of vm-b are unknown: gone'] });
    assert.deepEqual(rows, [{ vm: 'vm-a', ...web, migration: null }]);
    assert.deepEqual(notes, ['warning: the containers of vm-b are unknown: gone']);
  });

  it('takes one empty VM for an answer, and none at all for a failure', async () => {
    assert.deepEqual(await list({ containers: [], problems: ['vm-b: gone'] }), []);
    await assert.rejects(list({ containers: [], problems: ['vm-a: gone', 'vm-b: gone'] }), {
      code: 'service-unavailable',
      message: /no VM answers/,
    });
    assert.equal(notes.length, 2);
  });

  it('says once of each container whose migration is lost how to get it back', async () => {
    const claim = { migrationId: 'm-1', epoch: 1, side: 'SIDE_SOURCE' as const };
    const claimed = (vm: string, migrationState: string) => ({
      ...{ vm, migrationState },
      container: { ...web, spec: null, claim },
    });
    const rows = await list({ containers: [claimed('vm-a', 'lost'), claimed('vm-b', 'lost')], problems: [] });
    assert.deepEqual(rows[0]?.migration, { id: 'm-1', state: 'lost' });
    assert.deepEqual(notes, [
      "warning: the migration of 'web' is lost, and nobody ends it; see: portkey rescue web",
    ]);
    await list({ containers: [claimed('vm-a', 'precopy'), claimed('vm-b', 'unknown')], problems: [] });
    assert.deepEqual(notes, []);
  });
});
