/**
 * One side of `testbed cp` as it is written: a path on this machine, or VM:/path.
 *
 * A path in a guest is absolute. One that follows a VM's name and does not begin with a slash would be a local file
 * with a colon in its name, which nobody means; who does writes ./ before it.
 */
import { PortkeyError } from '../libraries/errors/index.js';

export interface CopyPath {
  /** Undefined: this machine. */
  readonly vm: string | undefined;
  readonly path: string;
}

/** Throws `invalid-argument`. */
export function parseCopyPath(text: string): CopyPath {
  const [, vm, path] = /^([\w-]+):(.*)$/s.exec(text) ?? [];
  if (vm === undefined || path === undefined) return { vm: undefined, path: text };
  if (path.startsWith('/')) return { vm, path };
  if (!/^vm-[a-z]$/.test(vm)) return { vm: undefined, path: text };
  throw new PortkeyError(
    'invalid-argument',
    `'${text}' is no path in ${vm}: write ${vm}:/${path}, or ./${text} for a file on this machine`,
  );
}
