/**
 * /metrics over HTTP, for Prometheus to scrape. Everything else on that port is 404.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';

import { PortkeyError } from '../errors/index.js';

/** What prom-client has of the event loop's lag by a timer of its own; `nodejs_eventloop_lag_seconds` needs none. */
const sampledLag = ['min', 'max', 'mean', 'stddev', 'p50', 'p90', 'p99'];
/** As good as never. By default it is every 10 ms, which an emulated VM with idle agents feels (docs/performance.md). */
const lagSampleMs = 3_600_000;

/** Gauges whose names end like counters', which `promtool check metrics` objects to; the same without `_total` say more. */
const misnamed = [
  'nodejs_active_resources_total',
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
];

export function createRegistry(service: string, version: string): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: lagSampleMs });
  for (const statistic of sampledLag)
    registry.removeSingleMetric(`nodejs_eventloop_lag_${statistic}_seconds`);
  for (const name of misnamed) registry.removeSingleMetric(name);
  new Gauge({
    name: 'portkey_build_info',
    help: 'Always 1; its labels say which service and version this is.',
    labelNames: ['service', 'version'],
    registers: [registry],
  }).set({ service, version }, 1);
  return registry;
}

export class MetricsServer {
  private constructor(
    private readonly server: Server,
    readonly port: number,
  ) {}

  /** `address` is "host:port". Throws `service-unavailable` where it cannot listen. */
  static async start(address: string, registry: Registry): Promise<MetricsServer> {
    const server = createServer((request, response) => {
      if (request.url !== '/metrics') {
        response.writeHead(404).end('see /metrics\n');
        return;
      }
      registry.metrics().then(
        (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
        (error: unknown) => response.writeHead(500).end(String(error)),
      );
    });
    const separator = address.lastIndexOf(':');
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause) => {
        reject(
          new PortkeyError('service-unavailable', `cannot serve metrics on ${address}: ${cause.message}`, {
            cause,
          }),
        );
      });
      server.listen(Number(address.slice(separator + 1)), address.slice(0, separator), resolve);
    });
    return new MetricsServer(server, (server.address() as AddressInfo).port);
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }
}
