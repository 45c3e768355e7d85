/**
 * The relay's metrics. Labels are bounded: VMs of the configuration, message types, error codes, components; never
 * a migration.
 *
 * Limits: of frames and errors those that the protocol has are there from the start, at 0 (libraries/service/from-zero.ts);
 * a frame in the wrong direction, or an error that has no number on the wire, comes up when it occurs. The CPU of a VM is
 * what the kernel has counted, and there only while it runs.
 */
import { Counter, Gauge, type Registry } from 'prom-client';

import type { ErrorCode } from '../../libraries/errors/index.js';
import {
  errorNumbers,
  type GuestMessage,
  type HostMessage,
  type Message,
} from '../../libraries/hypercall/index.js';
import { counterFromZero, histogramFromZero } from '../../libraries/service/index.js';
import { PAGE_BYTES } from '../../libraries/units/index.js';
import type { LoopObserver } from './channel/conversation.js';
import type { HostComponent } from './cpu/cpu-accounts.js';

export interface RelayMetrics {
  countFrame(vm: string, type: Message['type'], direction: Direction): void;
  countError(vm: string, code: ErrorCode): void;
  /** What the control loop of this VM does. */
  loop(vm: string): LoopObserver;
}

export type Direction = 'guest-to-host' | 'host-to-guest';

const directionOf = {
  ...{ hello: 'guest-to-host', open: 'guest-to-host', send: 'guest-to-host', drop: 'guest-to-host' },
  ...{ close: 'guest-to-host', bye: 'guest-to-host' },
  ...{ 'hello-ok': 'host-to-guest', complete: 'host-to-guest', error: 'host-to-guest' },
} as const satisfies Record<GuestMessage['type'], Direction> & Record<HostMessage['type'], Direction>;

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

/** `vms`: those of the configuration. */
export function relayMetrics(
  registry: Registry,
  vms: readonly string[],
  sources: MetricSources,
): RelayMetrics {
  const registers = [registry];
  const hypercalls = new Counter({
    name: 'portkey_hypercalls_total',
    help: 'Frames on the virtio-serial ports, by VM, type and direction.',
    labelNames: ['vm', 'type', 'direction'],
    registers,
  });
  for (const vm of vms)
    for (const [type, direction] of Object.entries(directionOf)) hypercalls.inc({ vm, type, direction }, 0);
  const hypercallErrors = counterFromZero(registry, {
    name: 'portkey_hypercall_errors_total',
    help: 'ERRORs sent to guests, by VM and code.',
    labels: { vm: vms, code: Object.keys(errorNumbers) },
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
    countFrame: (vm, type, direction) => hypercalls.inc({ vm, type, direction }),
    countError: (vm, code) => hypercallErrors.inc({ vm, code }),
    loop: loopMetrics(registry, vms),
  };
}

function loopMetrics(registry: Registry, vms: readonly string[]): (vm: string) => LoopObserver {
  const labels = { vm: vms };
  const pages = histogramFromZero(registry, {
    name: 'portkey_send_pages',
    help: 'Pages that one SEND named.',
    labels,
    buckets: sendPagesBuckets,
  });
  const bytes = histogramFromZero(registry, {
    name: 'portkey_send_bytes',
    help: 'Bytes of the pages that one SEND named, zero pages included.',
    labels,
    buckets: sendPagesBuckets.map((count) => count * PAGE_BYTES),
  });
  const queueDepth = histogramFromZero(registry, {
    name: 'portkey_send_queue_depth',
    help: 'SENDs of the migration that waited in the relay when one had landed.',
    labels,
    buckets: queueDepthBuckets,
  });
  const starved = counterFromZero(registry, {
    name: 'portkey_starved_seconds_total',
    help: 'Time that streams had nothing to send while an object was open.',
    labels,
  });
  const held = counterFromZero(registry, {
    name: 'portkey_completions_suppressed_total',
    help: 'SENDs that had no COMPLETE of their own, because a later one answered them, too.',
    labels,
  });
  return (vm) => ({
    sent: (count) => {
      pages.observe({ vm }, count);
      bytes.observe({ vm }, count * PAGE_BYTES);
    },
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
