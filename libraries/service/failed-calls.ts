/**
 * What a service says of calls that failed: one log line and one count each.
 *
 * A refusal, a wrong argument or a call that came too late is an answer like any other, and logged as such; what is
 * left is worth a warning.
 */
import type { Logger } from 'pino';
import { Counter, type Registry } from 'prom-client';

import type { ErrorCode, PortkeyError } from '../errors/index.js';
import type { FailedCall } from '../rpc/index.js';

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
  return ({ method, error }) => {
    const { code, message, details } = error;
    counter.inc({ method, code });
    if (isExpected(error)) log.info({ method, code }, message);
    else log.warn({ method, code, details }, message);
  };
}

function isExpected({ code, exitCode }: PortkeyError): boolean {
  return exitCode !== 1 || expectedCodes.includes(code);
}
