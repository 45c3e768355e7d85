/**
 * The metrics of every service in registries of their own, as they are when it has just started: for a cluster of one VM, and
 * without the service. What is set up in a service's main.ts is repeated here.
 */
import { pino } from 'pino';
import type { Registry } from 'prom-client';

import { Steps } from '../../libraries/agent/index.js';
import { failedCalls } from '../../libraries/service/failed-calls.js';
import { createRegistry } from '../../libraries/service/index.js';
import { createLog } from '../../libraries/service/log.js';
import { RoundMetrics } from '../../services/checkpoint/metrics.js';
import { Metrics } from '../../services/controller/metrics.js';
import { hostComponents } from '../../services/hypervisor-relay/cpu/cpu-accounts.js';
import { relayMetrics } from '../../services/hypervisor-relay/metrics.js';

/** By the titles of docs/metrics.md. */
export type ServiceTitle = 'Controller' | 'Relay' | 'Checkpoint service' | 'Restore service';

export interface ServiceMetric {
  readonly name: string;
  readonly type: string;
  readonly labels: readonly string[];
  /** Of each label the values that there are at the start. */
  readonly values: ReadonlyMap<string, ReadonlySet<string>>;
}

const log = pino({ level: 'silent' });

/** What runService gives each of them. */
export function commonRegistry(service: string): Registry {
  const registry = createRegistry(service, '1.2.3');
  createLog(service, 'silent', registry);
  failedCalls(log, registry);
  return registry;
}

export function serviceRegistries(): Record<ServiceTitle, Registry> {
  const [controller, relay] = [commonRegistry('controller'), commonRegistry('hypervisor-relay')];
  const [checkpoint, restore] = [commonRegistry('checkpoint'), commonRegistry('restore')];
  new Metrics(controller);
  relayMetrics(relay, ['vm-a'], {
    sessions: () => 0,
    totals: () => ({ pages: 0, zeroPages: 0, sentBytes: 0, landedBytes: 0 }),
    cpu: () => hostComponents.map((component) => ({ vm: 'vm-a', component, seconds: 0 })),
    streams: () => ({ out: 0, in: 0 }),
  });
  new Steps('checkpoint', log, checkpoint);
  new RoundMetrics(checkpoint);
  new Steps('restore', log, restore);
  return {
    Controller: controller,
    Relay: relay,
    'Checkpoint service': checkpoint,
    'Restore service': restore,
  };
}

/** Portkey's own, without those that prom-client brings. */
export async function metricsOf(registry: Registry): Promise<ServiceMetric[]> {
  const text = await registry.metrics();
  return [...text.matchAll(/^# TYPE (portkey_\S+) (\S+)$/gm)].map(([, name = '', type = '']) => ({
    ...{ name, type, labels: labelsOf(registry, name) },
    values: valuesIn(text, name),
  }));
}

function labelsOf(registry: Registry, name: string): string[] {
  const metric: object | undefined = registry.getSingleMetric(name);
  // Not among its types: the names that it was made with.
  if (metric === undefined || !('labelNames' in metric) || !Array.isArray(metric.labelNames))
    throw new Error(`prom-client has no label names of ${name}`);
  return metric.labelNames.map(String);
}

function valuesIn(text: string, name: string): Map<string, Set<string>> {
  const values = new Map<string, Set<string>>();
  for (const [, series = ''] of text.matchAll(
    new RegExp(`^${name}(?:_bucket|_sum|_count)?\\{(.*)\\} `, 'gm'),
  )) {
    for (const [, label = '', value = ''] of series.matchAll(/(\w+)="([^"]*)"/g)) {
      if (label === 'le') continue;
      values.set(label, (values.get(label) ?? new Set()).add(value));
    }
  }
  return values;
}
