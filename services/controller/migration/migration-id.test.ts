import assert from 'node:assert/strict';

import { newMigrationId } from './migration-id.js';

describe('ids of migrations', () => {
  it('sort by time and are fit for names of files', () => {
    const at = (time: string): string => newMigrationId(new Date(time), () => '4f2a');
    assert.equal(at('2026-11-22T19:05:12.345Z'), 'm-20261122-190512-4f2a');
    assert.ok(at('2026-11-22T19:05:12Z') < at('2026-11-22T19:05:13Z'));
    assert.match(at('2026-01-01T00:00:00Z'), /^[a-z0-9-]+$/);
  });
});
