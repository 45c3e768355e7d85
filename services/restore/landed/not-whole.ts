/** What is wrong with images that came from another VM, whatever that is, is one error: CRIU could not restore them. */
import { asPortkeyError, PortkeyError } from '../../../libraries/errors/index.js';

/** Throws `digest-mismatch` and nothing else. */
export async function orNotWhole<T>(images: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (cause) {
    if (cause instanceof PortkeyError && cause.code === 'digest-mismatch') throw cause;
    const { message } = asPortkeyError(cause);
    throw new PortkeyError('digest-mismatch', `the images in ${images} did not land whole: ${message}`, {
      cause,
    });
  }
}
