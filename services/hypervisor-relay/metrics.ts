/**
 * The relay's metrics. Labels are bounded: VMs of the configuration, message types, error codes, components; never
 * a migration.
 */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

import type { ErrorCode } from '../../libraries/errors/index.js';
import type { LoopObserver } from './channel/conversation.js';
import type { HostComponent } from './cpu/cpu-accounts.js';

export interface RelayMetrics {
  /** direction: guest-to-host, host-to-guest. */
  readonly hypercalls: Counter<'vm' | 'type' | 'direction'>;
  readonly hypercallErrors: Counter<'vm' | 'code'>;
  countError(vm: string, code: ErrorCode): void;
  /** What the control loop of this VM does. */
  loop(vm: string): LoopObserver;
}

/** From one page a hypercall to the 64 MiB that one can name. */
const sendPagesBuckets = [1, 4, 16, 64, 256, 1_024, 2_046, 4_096, 8_192, 16_384];
const queueDepthBuckets = [0, 1, 2, 4, 8, 16];

export interface MetricSources {
  readonly sessions: () => number;
  /** Totals over all sessions, ended ones included. */
  readonly totals: () => { pages: number; zeroPages: number; sentBytes: number; landedBytes: number };
  readonly cpu: () => readonly { vm: string; component: HostComponent; seconds: number }[];
  /** Connections of migrations that have a thread here. */
  readonly streams: () => { out: number; in: number };
}

export function relayMetrics(registry: Registry, sources: MetricSources): RelayMetrics {
  const registers = [registry];
  const hypercalls = new Counter({
    name: 'portkey_hypercalls_total',
    help: 'Frames on the virtio-serial ports, by VM, type and direction.',
    labelNames: ['vm', 'type', 'direction'],
    registers,
  });
  const hypercallErrors = new Counter({
    name: 'portkey_hypercall_errors_total',
    help: 'ERRORs sent to guests, by VM and code.',
    labelNames: ['vm', 'code'],
    registers,
  });
  total(
    registry,
    'portkey_pages_total',
    'Pages that were sent and have landed, or have landed here.',
    () => sources.totals().pages,
  );
  total(
    registry,
    'portkey_zero_pages_total',
    'Those of portkey_pages_total that were only named, because they are zero.',
    () => sources.totals().zeroPages,
  );
  total(
    registry,
    'portkey_sent_bytes_total',
    'Bytes of pages and files sent to other relays, or written into landings of this one.',
    () => sources.totals().sentBytes,
  );
  total(
    registry,
    'portkey_landed_bytes_total',
    'Bytes of pages and files landed here.',
    () => sources.totals().landedBytes,
  );
  new Gauge({
    name: 'portkey_sessions',
    help: 'Sessions of migrations that this relay holds, landings included, until they are closed.',
    registers,
    collect() {
      this.set(sources.sessions());
    },
  });
  new Gauge({
    name: 'portkey_streams',
    help: 'Connections of migrations to other relays that are open or being made, by direction.',
    labelNames: ['direction'],
    registers,
    collect() {
      const streams = sources.streams();
      this.set({ direction: 'out' }, streams.out);
      this.set({ direction: 'in' }, streams.in);
    },
  });
  new Counter({
    name: 'portkey_vm_cpu_seconds_total',
    help: 'CPU that this host spent on a VM and its helpers since they started.',
    labelNames: ['vm', 'component'],
    registers,
    collect() {
      this.reset();
      for (const { vm, component, seconds } of sources.cpu()) this.inc({ vm, component }, seconds);
    },
  });
  return {
    hypercalls,
    hypercallErrors,
    countError: (vm, code) => hypercallErrors.inc({ vm, code }),
    loop: loopMetrics(registry),
  };
}

function loopMetrics(registry: Registry): (vm: string) => LoopObserver {
  const common = { labelNames: ['vm'] as const, registers: [registry] };
  const pages = new Histogram({
    name: 'portkey_send_pages',
    help: 'Pages that one SEND named.',
    buckets: sendPagesBuckets,
    ...common,
  });
  const queueDepth = new Histogram({
    name: 'portkey_send_queue_depth',
    help: 'SENDs of the migration that waited in the relay when one had landed.',
    buckets: queueDepthBuckets,
    ...common,
  });
  const starved = new Counter({
    name: 'portkey_starved_seconds_total',
    help: 'Time that streams had nothing to send while an object was open.',
    ...common,
  });
  const held = new Counter({
    name: 'portkey_completions_suppressed_total',
    help: 'SENDs that had no COMPLETE of their own, because a later one answered them, too.',
    ...common,
  });
  return (vm) => ({
    sent: (count) => pages.observe({ vm }, count),
    landed: (batch, isHeld) => {
      queueDepth.observe({ vm }, batch.queueDepth);
      starved.inc({ vm }, batch.starvedUs / 1e6);
      if (isHeld) held.inc({ vm });
    },
  });
}

/** A counter whose value is kept elsewhere. */
function total(registry: Registry, name: string, help: string, value: () => number): void {
  new Counter({
    name,
    help,
    registers: [registry],
    collect() {
      this.reset();
      this.inc(value());
    },
  });
}
