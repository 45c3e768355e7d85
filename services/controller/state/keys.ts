/** What the key of a migration's events ends with; that of its record comes before. */
export const eventsSuffix = ':events';

/** Names of the keys in Redis. All of them start with `portkey:`; those of the queue, with `portkey:queue:`, are BullMQ's. */
export const keys = {
  /** Hash: the record of one migration (record.ts). */
  migration: (id: string) => `portkey:migration:${id}`,
  /** Stream: its events, oldest first. */
  events: (id: string) => `portkey:migration:${id}${eventsSuffix}`,
  /** Sorted set: ids of migrations by the time they started (ms since 1970). */
  index: 'portkey:migrations',
  /** String: who may change the container: a migration's id, or `run:…`, `stop:…`, `rescue:…` for a moment. */
  lock: (container: string) => `portkey:container:${container}`,
  /** Sorted set: ids of migrations that the host takes part in, by when their places are free again (host-slots.ts). */
  host: (host: string) => `portkey:host:${host}`,
  /** Hash: address, or `name:CONTAINER` for one that needs none → JSON {container, vm, at} (address-book.ts). */
  addresses: 'portkey:addresses',
} as const;
