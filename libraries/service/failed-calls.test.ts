import assert from 'node:assert/strict';

import { Registry } from 'prom-client';

import { errorCodes, PortkeyError } from '../errors/index.js';
import { failedCalls } from './failed-calls.js';

describe('a call that failed', () => {
  it('is logged once, as a warning unless it was to be expected, and counted by method and code', async () => {
    const lines: unknown[] = [];
    const log = {
      info: (fields: object, message: string) => lines.push({ level: 'info', ...fields, message }),
      warn: (fields: object, message: string) => lines.push({ level: 'warn', ...fields, message }),
    };
    const registry = new Registry();
    const onFailure = failedCalls(log as never, registry);
    const method = 'Checkpoint.Dump';
    onFailure({ method, error: new PortkeyError('stale-epoch', 'taken over') });
    onFailure({ method, error: new PortkeyError('container-unknown', 'no such container') });
    onFailure({ method, error: new PortkeyError('dump-failed', 'runc failed', { details: 'its log' }) });
    onFailure({ method, error: new PortkeyError('dump-failed', 'again') });
    assert.deepEqual(lines, [
      { level: 'info', method, code: 'stale-epoch', message: 'taken over' },
      { level: 'info', method, code: 'container-unknown', message: 'no such container' },
      { level: 'warn', method, code: 'dump-failed', details: 'its log', message: 'runc failed' },
      { level: 'warn', method, code: 'dump-failed', details: undefined, message: 'again' },
    ]);
    const text = await registry.metrics();
    assert.match(text, /^portkey_failed_calls_total\{method="Checkpoint.Dump",code="dump-failed"\} 2$/m);
    assert.match(text, /^portkey_failed_calls_total\{method="Checkpoint.Dump",code="stale-epoch"\} 1$/m);
    assert.match(text, /^portkey_errors_total\{code="dump-failed"\} 2$/m);
  });

  it('has a count by code from the start', async () => {
    const registry = new Registry();
    failedCalls({ info: () => undefined, warn: () => undefined }, registry);
    const text = await registry.metrics();
    for (const code of Object.keys(errorCodes))
      assert.ok(text.includes(`portkey_errors_total{code="${code}"} 0\n`), code);
  });
});
