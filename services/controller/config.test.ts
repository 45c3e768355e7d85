import assert from 'node:assert/strict';

import { configSchema } from './config.js';
import { defaultLimits } from './limits.js';

const vm = {
  ...{ name: 'vm-a', host: 'host-a' },
  ...{ checkpoint: '10.77.0.11:7411', restore: '10.77.0.11:7412', relay: '10.77.0.1:7401' },
};
const good = {
  listen: ['unix:/run/controller.sock'],
  metrics: '10.77.0.254:9400',
  security: 'insecure',
  redis: { path: '/run/redis.sock' },
  containerAddresses: { first: '10.77.0.100', last: '10.77.0.199', prefix: 24 },
  vms: [vm],
};

describe('the controller’s configuration', () => {
  it('takes Redis by socket and by address', () => {
    assert.ok(configSchema.safeParse(good).success);
    assert.ok(configSchema.safeParse({ ...good, redis: { host: 'redis', port: 6379 } }).success);
  });

  it('takes limits in place of the defaults, one by one', () => {
    assert.deepEqual(configSchema.parse({ ...good, limits: { undoPatienceMs: 5_000 } }).limits, {
      stepMs: defaultLimits.stepMs,
      undoCallMs: defaultLimits.undoCallMs,
      undoPatienceMs: 5_000,
    });
    assert.ok(!configSchema.safeParse({ ...good, limits: { stepMs: 0 } }).success);
  });

  it('reports all that is wrong at once', () => {
    const bad = { ...good, redis: {}, vms: [vm, { ...vm, name: 'vm-b', relay: 'somewhere' }], speed: 9 };
    const paths = configSchema.safeParse(bad).error?.issues.map(({ path }) => path.join('.')) ?? [];
    assert.deepEqual(paths.sort(), ['', 'redis', 'vms.1.relay']);
    assert.ok(!configSchema.safeParse({ ...good, vms: [vm, vm] }).success);
  });

  it('takes only names that a certificate can have, and says which those are', () => {
    for (const names of [{ name: 'my vm' }, { name: '' }, { host: 'h/../../x' }, { host: 'h'.repeat(64) }]) {
      const issues = configSchema.safeParse({ ...good, vms: [{ ...vm, ...names }] }).error?.issues ?? [];
      assert.deepEqual(
        issues.map(({ path }) => path.join('.')),
        [`vms.0.${Object.keys(names).join()}`],
      );
      assert.match(issues[0]?.message ?? '', /^write up to 63 letters, digits/);
    }
    assert.ok(
      configSchema.safeParse({ ...good, vms: [{ ...vm, name: 'v'.repeat(63), host: 'a_b.c-1' }] }).success,
    );
  });
});
