/** Why the last call of this thread failed, in OpenSSL's words; its queue of errors is empty then. */
import type { OpenSsl } from './library.js';

export function reasonOf(library: OpenSsl): string {
  const first = library.errorFirst();
  library.errorsClear();
  return library.errorReason(first) ?? 'OpenSSL gives no reason';
}
