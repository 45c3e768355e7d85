/** Names of the keys in Redis. All of them start with `portkey:`. */
export const keys = {
  /** Hash: the record of one migration (record.ts). */
  migration: (id: string) => `portkey:migration:${id}`,
  /** Stream: its events, oldest first. */
  events: (id: string) => `portkey:migration:${id}:events`,
  /** Sorted set: ids of migrations by the time they started (ms since 1970). */
  index: 'portkey:migrations',
  /** String: who may change the container: a migration's id, or `run:…`/`stop:…` for a moment. */
  lock: (container: string) => `portkey:container:${container}`,
  /** Hash: address → JSON {container, at}: addresses given to containers. */
  addresses: 'portkey:addresses',
} as const;
