/**
 * Ids of migrations: short, readable, and in the order in which they began: `m-20261122-190512-4f2a90c1`, UTC, with
 * random hex digits for those of the same second. Fit for file names and keys: [a-z0-9-] only. A further try has the id of
 * the first, and its number (retries.ts).
 */
export function newMigrationId(now: Date, randomHex: () => string): string {
  const [date = '', time = ''] = now.toISOString().split('T');
  return `m-${date.replaceAll('-', '')}-${time.slice(0, 8).replaceAll(':', '')}-${randomHex()}`;
}
