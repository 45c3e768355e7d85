/** Names of containers: they are part of folder names, Redis keys and network namespaces. */
import { PortkeyError } from '../../../libraries/errors/index.js';

const nameForm = /^[a-z0-9][a-z0-9_.-]{0,62}$/i;

/** Throws `invalid-argument`. */
export function checkContainerName(name: string): void {
  if (nameForm.test(name)) return;
  throw new PortkeyError(
    'invalid-argument',
    `'${name}' cannot name a container; use up to 63 letters, digits, '.', '_' and '-', beginning with a letter or digit`,
  );
}
