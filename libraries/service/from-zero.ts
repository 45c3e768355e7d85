/**
 * Counters and histograms each of whose series is there, at 0, from the start.
 *
 * A series that begins with its first event is one that Prometheus has never seen at 0, so that `increase()` and `rate()` leave
 * that event out: the only migration of an hour that failed, for instance. So labels are given with all of their values, and
 * that they are bounded (docs/metrics.md) is there to be read.
 * Limits: every combination of values gets a series, buckets times as many in a histogram; for few values, all of which occur.
 */
import { Counter, Histogram, type LabelValues, type Registry } from 'prom-client';

/** Each label with all values that it can have. */
export type BoundedLabels<Label extends string> = Readonly<Record<Label, readonly string[]>>;

interface Described<Label extends string> {
  readonly name: string;
  readonly help: string;
  readonly labels: BoundedLabels<Label>;
}

export function counterFromZero<Label extends string>(
  registry: Registry,
  { name, help, labels }: Described<Label>,
): Counter<Label> {
  const counter = new Counter({ name, help, labelNames: namesOf(labels), registers: [registry] });
  for (const series of combinations(labels)) counter.inc(series, 0);
  return counter;
}

export function histogramFromZero<Label extends string>(
  registry: Registry,
  { name, help, labels, buckets }: Described<Label> & { readonly buckets: readonly number[] },
): Histogram<Label> {
  const histogram = new Histogram({
    ...{ name, help, labelNames: namesOf(labels) },
    ...{ buckets: [...buckets], registers: [registry] },
  });
  for (const series of combinations(labels)) histogram.zero(series);
  return histogram;
}

function combinations<Label extends string>(labels: BoundedLabels<Label>): LabelValues<Label>[] {
  return namesOf(labels).reduce<LabelValues<Label>[]>(
    (all, name) => all.flatMap((series) => labels[name].map((value) => ({ ...series, [name]: value }))),
    [{}],
  );
}

function namesOf<Label extends string>(labels: BoundedLabels<Label>): Label[] {
  return Object.keys(labels) as Label[];
}
