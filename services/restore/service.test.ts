import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';

import type { Arrivals } from './arrival.js';
import type { PageServers } from './page-server.js';
import { restoreHandlers, type ServiceParts } from './service.js';

describe('the restore service', () => {
  it('discards nothing while a page server starts, which would not be found then', async () => {
    const order: string[] = [];
    const arrivals: Partial<Arrivals> = {
      requireClaim: () => Promise.resolve(),
      giveUp: () => Promise.resolve(),
      discard: () => Promise.resolve(void order.push('discarded')),
    };
    const pageServers: Partial<PageServers> = {
      start: async () => {
        await delay(50);
        order.push('started');
        return { address: '10.77.0.12', port: 20_000 };
      },
    };
    const steps = { run: (_step: unknown, _migration: unknown, act: () => Promise<unknown>) => act() };
    const handlers = restoreHandlers({ arrivals, pageServers, steps } as unknown as ServiceParts);
    const call = (name: 'StartPageServer' | 'Discard', request: object): Promise<unknown> =>
      (handlers[name] as (request: object) => Promise<unknown>)(request);
    const migration = { migrationId: 'm-1', epoch: 1, container: 'web' };
    await Promise.all([
      call('StartPageServer', { migration, index: 0, last: false }),
      call('Discard', migration),
    ]);
    assert.deepEqual(order, ['started', 'discarded']);
  });
});
