import assert from 'node:assert/strict';

import { PortkeyError } from '../../../libraries/errors/index.js';
import type { MigrationReport, Outcome } from '../report/report.js';
import { endingOf, unfollowed } from './ending.js';

function ended(outcome: Outcome, code = ''): MigrationReport {
  const error = code === '' ? null : { code, message: 'why' };
  return { outcome, error } as unknown as MigrationReport;
}

describe('what became of a container', () => {
  for (const [report, wasReverted, outcome] of [
    [ended('completed'), false, 'moved'],
    [ended('refused', 'no-room'), false, 'stayed'],
    [ended('rolled-back', 'stream-broken'), false, 'stayed'],
    // The commit was undone, and the source's copy goes on.
    [ended('rolled-back', 'destination-lost'), true, 'stayed'],
    [ended('failed', 'source-lost'), false, 'lost'],
    [ended('failed', 'source-lost'), true, 'lost'],
    [ended('failed', 'destination-lost'), false, 'lost'],
    // The source's copy, which is to go on, may be frozen.
    [ended('failed', 'destination-lost'), true, 'unknown'],
    [ended('failed', 'stream-broken'), false, 'unknown'],
    [undefined, false, 'unknown'],
  ] as const) {
    const what = report === undefined ? 'no report' : `${report.outcome ?? ''} ${report.error?.code ?? ''}`;
    it(`is told by ${what.trim()}${wasReverted ? ' after a commit that was undone' : ''}`, () => {
      assert.equal(endingOf(report, wasReverted).outcome, outcome);
    });
  }

  it('is unknown where its migration cannot be followed', () => {
    const { outcome, reason } = unfollowed('m-1', new PortkeyError('migration-unknown', 'no migration'));
    assert.deepEqual([outcome, reason?.code], ['unknown', 'migration-unknown']);
    assert.match(reason?.message ?? '', /^no migration; what became of it, 'portkey migrations m-1' and/);
  });
});
