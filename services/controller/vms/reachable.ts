/**
 * What to say when a part that a migration needs does not answer before it has begun: by which code, and what
 * to do about it.
 */
import { asPortkeyError, PortkeyError, type ErrorCode } from '../../../libraries/errors/index.js';

const silent: readonly ErrorCode[] = ['service-unavailable', 'deadline-exceeded'];

/** Waits for `answer`; a peer that is silent becomes `code` (`agent-unavailable`, `relay-unavailable`). */
export async function needed<T>(
  answer: Promise<T>,
  code: 'agent-unavailable' | 'relay-unavailable',
): Promise<T> {
  try {
    return await answer;
  } catch (thrown) {
    const error = asPortkeyError(thrown);
    if (!isSilence(error)) throw error;
    throw new PortkeyError(code, `${error.message.replace(/; is it running\?$/, '')}; see: portkey doctor`, {
      cause: error,
      details: error.details,
    });
  }
}

export function isSilence(error: PortkeyError): boolean {
  return silent.includes(error.code);
}
