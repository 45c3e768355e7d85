/**
 * What a service says of calls that failed: one log line and two counts each. By method and code there would be hundreds of
 * series, so they come up as they occur; those by code alone are there from the start (from-zero.ts).
 *
 * A refusal, a wrong argument or a call that came too late is an answer like any other, and logged as such; what is
 * left is worth a warning.
 */
import type { Logger } from 'pino';
import { Counter, type Registry } from 'prom-client';

import { errorCodes, type ErrorCode, type PortkeyError } from '../errors/index.js';
import type { FailedCall } from '../rpc/index.js';
import { counterFromZero } from './from-zero.js';

const expectedCodes: readonly ErrorCode[] = ['cancelled', 'stale-epoch', 'too-late'];

/** For RpcServer. */
export function failedCalls(
  log: Pick<Logger, 'info' | 'warn'>,
  registry: Registry,
): (call: FailedCall) => void {
  const counter = new Counter({
    name: 'portkey_failed_calls_total',
    help: 'Calls that ended with an error, by method and error code.',
    labelNames: ['method', 'code'],
    registers: [registry],
  });
  const byCode = counterFromZero(registry, {
    name: 'portkey_errors_total',
    help: 'Calls that ended with an error, by error code.',
    labels: { code: Object.keys(errorCodes) },
  });
  return ({ method, error }) => {
    const { code, message, details } = error;
    counter.inc({ method, code });
    byCode.inc({ code });
    if (isExpected(error)) log.info({ method, code }, message);
    else log.warn({ method, code, details }, message);
  };
}

function isExpected({ code, exitCode }: PortkeyError): boolean {
  return exitCode !== 1 || expectedCodes.includes(code);
}
