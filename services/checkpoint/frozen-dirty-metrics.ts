/**
 * What became of the dirty pages of frozen containers, and what that was decided by, for Prometheus. Rounds in Portkey
 * mode only: in CRIU mode the final dump takes them always.
 */
import type { Counter, Registry } from 'prom-client';

import type { FrozenDirty } from '../../libraries/rpc/index.js';
import { counterFromZero, Figures, type Figure } from '../../libraries/service/index.js';

const figures: readonly Figure<FrozenDirty>[] = [
  {
    name: 'portkey_frozen_dirty_pages',
    help: 'Pages of a frozen container that were dirty.',
    buckets: [0, 16, 64, 256, 1_024, 4_096, 16_384, 65_536],
    of: ({ dirtyPages }) => dirtyPages,
  },
  {
    name: 'portkey_frozen_pages',
    help: 'Pages of a frozen container, dirty or not.',
    buckets: [1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304],
    of: ({ totalPages }) => totalPages,
  },
  {
    name: 'portkey_frozen_dirty_limit_pages',
    help: "Dirty pages up to which a frozen container's were left to CRIU's dump.",
    buckets: [4, 16, 64, 256, 1_024, 4_096],
    of: ({ limitPages }) => limitPages,
  },
];

export class FrozenDirtyMetrics {
  private readonly decisions: Counter<'action'>;
  private readonly figures: Figures<FrozenDirty>;

  constructor(registry: Registry) {
    this.decisions = counterFromZero(registry, {
      name: 'portkey_frozen_dirty_decisions_total',
      help: "Frozen containers whose dirty pages were sent by hypercall, or left to CRIU's dump.",
      labels: { action: ['sent', 'left-to-criu'] },
    });
    this.figures = new Figures(registry, figures, {});
  }

  decided(frozen: FrozenDirty): void {
    this.decisions.inc({ action: frozen.leftToCriu ? 'left-to-criu' : 'sent' });
    this.figures.observe(frozen, {});
  }
}
