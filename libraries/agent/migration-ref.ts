/** Requests name their migration in a field of its own, which proto3 lets a caller leave out. */
import { PortkeyError } from '../errors/index.js';
import type { MigrationRef } from '../rpc/index.js';

/** Throws `invalid-argument`. */
export function required(migration: MigrationRef | null): MigrationRef {
  if (migration === null) throw new PortkeyError('invalid-argument', 'the request names no migration');
  return migration;
}
