/**
 * The life of a service process: config → start → serve until SIGTERM or SIGINT → stop → exit.
 *
 * Exit codes: 0 stopped on request, 1 failed, 2 bad configuration. A second signal, or a stop that takes longer
 * than its grace, ends the process at once. Logs are JSON lines on stderr.
 */
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { z } from 'zod';

import { asPortkeyError } from '../errors/index.js';
import { readSecurity, RpcServer, type Security, type TlsFiles } from '../rpc/index.js';
import { loadConfig } from './config.js';
import { failedCalls } from './failed-calls.js';
import { createLog } from './log.js';
import { createRegistry, MetricsServer } from './metrics.js';
import { version } from './version.js';

const stopGraceMs = 5_000;

export interface ServiceParts {
  readonly log: Logger;
  readonly registry: Registry;
  readonly server: RpcServer;
  /** For connections to others. */
  readonly security: Security;
}

export interface ServiceDescription<C extends CommonConfig> {
  readonly name: string;
  readonly config: z.ZodType<C>;
  /** Adds its gRPC services to `parts.server` and starts what else it needs; returns how to stop that. */
  readonly start: (config: C, parts: ServiceParts) => Promise<() => Promise<void>>;
}

interface CommonConfig {
  readonly listen: readonly string[];
  readonly metrics: string;
  readonly security: TlsFiles | 'insecure';
  readonly logLevel: string;
}

export async function runService<C extends CommonConfig>(
  service: ServiceDescription<C>,
  argv: readonly string[] = process.argv.slice(2),
): Promise<void> {
  const config = readConfigOrExit(service, argv);
  const registry = createRegistry(service.name, version);
  const log = createLog(service.name, config.logLevel, registry);
  try {
    const security = readSecurity(config.security);
    if (security === 'insecure') log.warn('INSECURE: whoever reaches this service may tell it what to do');
    const server = new RpcServer(security, failedCalls(log, registry));
    const stopService = await service.start(config, { log, registry, server, security });
    const metrics = await MetricsServer.start(config.metrics, registry);
    const ports = await server.listen(config.listen);
    log.info({ listen: config.listen, ports, metricsPort: metrics.port }, 'serving');
    const signal = await nextSignal();
    log.info({ signal }, 'stopping');
    exitAfterGrace(log);
    await server.stop(stopGraceMs / 2);
    await stopService();
    await metrics.stop();
    process.exit(0);
  } catch (error) {
    const { code, message, details } = asPortkeyError(error);
    log.fatal({ code, details }, message);
    process.exit(1);
  }
}

function readConfigOrExit<C extends CommonConfig>(
  service: ServiceDescription<C>,
  argv: readonly string[],
): C {
  try {
    return loadConfig(service.config, argv);
  } catch (error) {
    process.stderr.write(`${service.name}: ${asPortkeyError(error).message}\n`);
    process.exit(2);
  }
}

function nextSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    process.once('SIGTERM', resolve);
    process.once('SIGINT', resolve);
  });
}

/** A blocking read in Node's thread pool can keep an orderly exit waiting for ever; SIGKILL does not wait. */
function exitAfterGrace(log: Logger): void {
  const end = (): void => {
    log.warn('did not stop in time, ending at once');
    process.kill(process.pid, 'SIGKILL');
  };
  setTimeout(end, stopGraceMs).unref();
  process.once('SIGTERM', end);
  process.once('SIGINT', end);
}
