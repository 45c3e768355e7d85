/**
 * What names a migration: it is part of folder names and of messages, also where it comes from another VM.
 */
import { PortkeyError } from '../errors/index.js';

const shownCharacters = 80;

/** Throws `invalid-argument`, with the beginning of what it is: a message of gRPC's may be one long id. */
export function requireMigrationId(migrationId: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/.test(migrationId)) return migrationId;
  throw new PortkeyError(
    'invalid-argument',
    `'${migrationId.slice(0, shownCharacters)}' is not a migration id: letters, digits, '_', '.' and '-', at most 64`,
  );
}
