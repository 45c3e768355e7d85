/** What is wrong with images that came from another VM, whatever that is, is one error: CRIU could not restore them. */
import { asPortkeyError, PortkeyError } from '../../../libraries/errors/index.js';

/** Throws `digest-mismatch`, and the signal's reason, which says nothing of the images. */
export async function orNotWhole<T>(images: string, act: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  try {
    return await act();
  } catch (cause) {
    if (signal !== undefined && cause === signal.reason) throw cause;
    if (cause instanceof PortkeyError && cause.code === 'digest-mismatch') throw cause;
    const { message } = asPortkeyError(cause);
    throw new PortkeyError('digest-mismatch', `the images in ${images} did not land whole: ${message}`, {
      cause,
    });
  }
}
