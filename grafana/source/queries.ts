/**
 * PromQL that several panels are made of.
 *
 * Migrations are rare and short: a counter of theirs begins with the first one, so that an increase over any window misses
 * it, and stands still from one to the next. What is counted once in a migration is therefore summed up since the services
 * started (…OfAll), like the recorded series of prometheus/rules.yml. What is counted many times in one is asked for lately
 * (recent…), and for all so far while nothing runs, so that a panel says what it was and not nothing.
 */

/** A metric of histograms, the matchers for its series, and the labels to keep. */
export interface Of {
  readonly histogram: string;
  readonly where: string;
  readonly by: string;
}

export function meanOfAll({ histogram, where, by }: Of): string {
  return ratio(
    `sum by (${by}) (${histogram}_sum{${where}})`,
    `sum by (${by}) (${histogram}_count{${where}})`,
  );
}

export function quantileOfAll(quantile: number, { histogram, where, by }: Of): string {
  return `histogram_quantile(${quantile}, sum by (le, ${by}) (${histogram}_bucket{${where}}))`;
}

export function recentMean(of: Of): string {
  const sum = (part: string): string => rate({ counter: `${of.histogram}_${part}`, ...of });
  return `${ratio(sum('sum'), sum('count'))} or ${meanOfAll(of)}`;
}

/** The comparison drops what is not a number: the quantile of nothing. */
export function recentQuantile(quantile: number, of: Of): string {
  const { histogram, where, by } = of;
  const buckets = rate({ counter: `${histogram}_bucket`, where, by: `le, ${by}` });
  return `histogram_quantile(${quantile}, ${buckets}) >= 0 or ${quantileOfAll(quantile, of)}`;
}

/** Per second. */
export function rate({ counter, where, by }: { counter: string; where: string; by: string }): string {
  return `sum by (${by}) (rate(${counter}{${where}}[$__rate_interval]))`;
}

export function total({ counter, where, by }: { counter: string; where: string; by: string }): string {
  return `sum by (${by}) (${counter}{${where}})`;
}

function ratio(of: string, by: string): string {
  return `${of} / (${by} > 0)`;
}
