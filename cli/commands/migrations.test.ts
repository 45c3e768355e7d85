import assert from 'node:assert/strict';

import type { MigrationEvent } from '../../libraries/rpc/index.js';
import { sampleMigration } from '../../tests/support/sample-report.js';
import { historyEntry, historyLine, historyTable } from './migrations.js';

describe('the history of migrations', () => {
  const at = '2026-01-01T00:00:00.000Z';
  const event = (changes: Partial<MigrationEvent>): MigrationEvent => ({
    ...{ id: 'm1', state: 'precopy', kind: 'transition', text: 'sending memory', at, data: '', report: '' },
    ...changes,
  });
  const subject = { container: 'web', from: 'vm-a', to: 'vm-b', mode: 'portkey', startedAt: at };

  it('says what a running migration is about', () => {
    const entry = historyEntry(event({ data: JSON.stringify(subject) }));
    assert.deepEqual(entry, { ...subject, id: 'm1', state: 'precopy', at, text: 'sending memory' });
    assert.match(historyTable([entry]), /m1 .* web +vm-a → vm-b +portkey +precopy/);
    assert.equal(historyLine(entry), 'm1: web, vm-a → vm-b, portkey mode, precopy, sending memory');
  });

  it('leaves open what is not known yet, or not told', () => {
    const early = historyEntry(event({ data: JSON.stringify({ ...subject, from: '' }) }));
    assert.match(historyTable([early]), /web +\? → vm-b +portkey/);
    for (const data of ['', 'no JSON', '[]', '{"round":1}']) {
      const entry = historyEntry(event({ data }));
      assert.match(historyTable([entry]), /00:00:00 +– +– +– +precopy/);
      assert.equal(historyLine(entry), 'm1: precopy, sending memory');
    }
  });

  it('believes the report of one that has ended', () => {
    const report = JSON.stringify({ ...sampleMigration('criu'), id: 'm1' });
    const entry = historyEntry(event({ state: 'done', data: JSON.stringify(subject), report }));
    assert.deepEqual([entry.mode, entry.outcome], ['criu', 'completed']);
  });
});
