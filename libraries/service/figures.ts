/**
 * What each of many things (a decision, a round) was made of, as Prometheus histograms. A gauge would keep only the
 * last one before Prometheus looks, and several may come between two looks.
 *
 * Limits: a figure that is not known, or that is infinite, is not observed, so the counts of two figures may differ.
 */
import type { Histogram, LabelValues, Registry } from 'prom-client';

import { histogramFromZero, type BoundedLabels } from './from-zero.js';

export interface Figure<T> {
  readonly name: string;
  readonly help: string;
  readonly buckets: readonly number[];
  /** Null and undefined: not known. */
  readonly of: (observed: T) => number | null | undefined;
}

export class Figures<T, Label extends string = never> {
  private readonly histograms: readonly { of: Figure<T>['of']; histogram: Histogram<Label> }[];

  constructor(registry: Registry, figures: readonly Figure<T>[], labels: BoundedLabels<Label>) {
    this.histograms = figures.map(({ name, help, buckets, of }) => ({
      of,
      histogram: histogramFromZero(registry, { name, help, labels, buckets }),
    }));
  }

  observe(observed: T, labels: LabelValues<Label>): void {
    for (const { of, histogram } of this.histograms) {
      const value = of(observed);
      if (typeof value === 'number' && Number.isFinite(value)) histogram.observe(labels, value);
    }
  }
}
